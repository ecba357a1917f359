"""Headline scores of a stored result, as plain text for the formats of other projects."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.probes import PROBES
from benchmark.results import ProbeResult, Score, ScoreSpec
from leaderboard.formatting.texts import probe_text, probe_texts
from leaderboard.store import Entry

DATA_SETS: dict[str, tuple[str, str | None]] = {
    "digits": ("Digits (scikit-learn)", None),
    "mnist": ("MNIST", "ylecun/mnist"),
    "fashion-mnist": ("Fashion-MNIST", "zalando-datasets/fashion_mnist"),
    "cifar10": ("CIFAR-10", "uoft-cs/cifar10"),
    "cifar100": ("CIFAR-100", "uoft-cs/cifar100"),
    "svhn": ("SVHN", "ufldl-stanford/svhn"),
    "imagenet": ("ImageNet-1k", "ILSVRC/imagenet-1k"),
}
"""By data set of a battery: its common name and its identifier on the Hugging Face Hub."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that YAML 1.1, XML 1.0 or UTF-8 cannot contain."""


@dataclass(frozen=True)
class Headline:
    """A headline score.

    Attributes:
        probe: the probe's name.
        name: the score's name.
        title: the score's label as a self-contained title, such as "Clean accuracy".
        spec: what the score means.
        score: its finite value, with its interval.
    """

    probe: str
    name: str
    title: str
    spec: ScoreSpec
    score: Score

    @property
    def key(self) -> str:
        """``<probe>.<score>``, as in ``results.json``."""
        return f"{self.probe}.{self.name}"

    @property
    def is_clean_accuracy(self) -> bool:
        """Whether it is what others call accuracy: nothing is perturbed."""
        return self.probe in PROBES and PROBES[self.probe].claim == "clean_accuracy"


def headlines(
    answers: Mapping[str, ProbeResult], battery: Mapping[str, Any] | None = None
) -> list[Headline]:
    """The headline scores among an entry's results, in the order of the boards.

    Non-finite scores are left out: none of the formats can represent them.

    Args:
        answers: by probe, as :attr:`~leaderboard.store.Entry.answers` gives them.
        battery: content of the entry's battery, by whose settings scores are labelled.
    """
    texts = [probe_text(name, battery) for name in probe_texts()]
    return [
        Headline(text.name, name, _title(spec.label, name), spec, score)
        for text in texts
        if text.name in answers
        for name, spec in text.scores.items()
        if spec.headline
        and (score := answers[text.name].scores.get(name)) is not None
        and math.isfinite(score.value)
    ]


def data_name(entry: Entry) -> str:
    """The common name of an entry's data set, marked if its images are others."""
    dataset = str(entry.battery.get("dataset", entry.card.dataset))
    name = DATA_SETS[dataset][0] if dataset in DATA_SETS else dataset
    return f"own {entry.card.inputs.noun}s, not {name}" if entry.on_own_data else name


def raised_flags(entry: Entry) -> list[str]:
    """Names of the checks that raised a flag on the entry's scores, each once."""
    flags = (flag for result in entry.results.values() for flag in result.flags)
    return list(dict.fromkeys(flag.name for flag in flags if flag.raised))


def xml_text(text: str) -> str:
    """A text with U+FFFD for every character that XML, YAML or UTF-8 cannot contain."""
    return _UNPRINTABLE.sub("\ufffd", text)


def _title(label: str, score: str) -> str:
    """A label that says what is measured, which the heading of a board may leave out."""
    return f"{label} {score.replace('_', ' ')}" if score.endswith("accuracy") else label
