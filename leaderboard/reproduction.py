"""Running a stored result again from its record, and saying how well it agrees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.evaluation import evaluate
from benchmark.provenance import versions
from benchmark.results import ProbeResult, Provenance, Score
from benchmark.subject import Progress
from leaderboard.store import Entry
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError


@dataclass(frozen=True)
class Comparison:
    """One score, as it is stored and as it came out again.

    Attributes:
        name: ``<probe>.<score>``.
        stored: the score of the record; ``None`` where only the new run has it.
        again: the score of the new run; ``None`` where only the record has it.
    """

    name: str
    stored: Score | None
    again: Score | None

    @property
    def same(self) -> bool:
        """Whether value and interval agree to the last bit."""
        return _numbers(self.stored) == _numbers(self.again)


@dataclass(frozen=True)
class Reproduction:
    """How a new run of one probe compares with its record.

    Attributes:
        probe: the probe's name.
        scores: every score of either side.
        examples: number of per-example outcomes that differ, and how many there are.
        circumstances: what differs from the record, such as ``"torch 2.14 (now 2.15)"``.
    """

    probe: str
    scores: list[Comparison]
    examples: tuple[int, int]
    circumstances: list[str]

    @property
    def same(self) -> bool:
        """Whether every score and every outcome agree to the last bit."""
        return self.examples[0] == 0 and all(each.same for each in self.scores)


def battery_of(entry: Entry) -> Battery:
    """The battery as it was when a result was stored.

    Raises:
        InputError: this version of the suite no longer understands it, or means something else.
    """
    recorded = entry.provenance.battery_sha256
    hint = f"install the version it was stored with, {entry.provenance.versions['nonsingular']}"
    try:
        battery = Battery.model_validate(entry.battery)
    except (ValueError, InputError) as error:
        raise InputError(
            f"this version cannot read the stored battery {entry.provenance.battery!r}; {hint}"
        ) from error
    if battery.sha256 != recorded:
        raise InputError(
            f"the stored battery {entry.provenance.battery!r} has settings that this version "
            f"fills in differently; {hint}"
        )
    return battery


def require_same(entry: Entry, model: Classifier, data: Dataset) -> None:
    """Check that model and examples are those of the record.

    Raises:
        InputError: one of them is not.
    """
    where = entry.provenance
    if model.fingerprint != where.fingerprint:
        raise InputError(
            f"{model.card.name!r} is not the model of the record: its fingerprint is "
            f"{model.fingerprint[:12]}, the record's {where.fingerprint[:12]}"
        )
    if data.sha256 != where.data_sha256:
        raise InputError(
            f"the {len(data)} examples of {data.name!r} have the hash {data.sha256[:12]}, the "
            f"record's {where.data_sha256[:12]}; name their file with --data"
        )


def reproduce(
    entry: Entry,
    model: Classifier,
    data: Dataset,
    probes: Sequence[str],
    progress: Progress | None = None,
) -> list[Reproduction]:
    """Ask the recorded questions again, with the recorded seed and device.

    Args:
        entry: the record.
        model: the model it is about.
        data: the examples it is about.
        probes: which of its results.
        progress: called with a few words whenever a piece of work is done.

    Raises:
        InputError: model or data are not those of the record, or the battery is not understood.
    """
    require_same(entry, model, data)
    where = entry.provenance
    report = evaluate(
        model,
        data.images,
        data.labels,
        battery_of(entry),
        probes,
        seed=where.seed,
        device=where.device,
        progress=progress,
    )
    return [
        compare(entry.results[name], report.results[name], entry.provenances[name], where_now)
        for name, where_now in ((name, report.provenance) for name in probes)
    ]


def compare(
    stored: ProbeResult, again: ProbeResult, then: Provenance, now: Provenance
) -> Reproduction:
    """Two answers of one probe, score by score and example by example."""
    names = dict.fromkeys([*stored.scores, *again.scores])
    scores = [
        Comparison(f"{stored.probe}.{name}", stored.scores.get(name), again.scores.get(name))
        for name in names
    ]
    differing = total = 0
    for name in dict.fromkeys([*stored.outcomes, *again.outcomes]):
        one, two = stored.outcomes.get(name), again.outcomes.get(name)
        size = max(len(each) for each in (one, two) if each is not None)
        total += size
        both = one is not None and two is not None and one.shape == two.shape
        differing += int(np.count_nonzero(one != two)) if both else size
    return Reproduction(stored.probe, scores, (differing, total), _differences(then, now))


def _differences(then: Provenance, now: Provenance) -> list[str]:
    """What may explain other numbers: versions and threads that are not the record's."""
    found = [
        f"{name} {then.versions.get(name, 'unknown')} (now {version})"
        for name, version in versions().items()
        if then.versions.get(name) != version
    ]
    if then.threads != now.threads:
        found.append(f"{then.threads} threads (now {now.threads})")
    return found


def _numbers(score: Score | None) -> tuple[object, ...]:
    """What has to agree; NaN agrees with NaN."""
    if score is None:
        return ()
    numbers = (score.value, score.low, score.high)
    return (score.n, *("nan" if math.isnan(number) else number for number in numbers))
