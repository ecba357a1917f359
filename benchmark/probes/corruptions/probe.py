"""The corruptions probe: accuracy under noise, blur, weather and digital changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import JsonValue

from benchmark.corruptions import CORRUPTIONS, SEVERITIES, VALIDATION
from benchmark.datasets.cifar_c import PUBLISHED, CifarC
from benchmark.probes.corruptions.images import (
    Generated,
    Names,
    Read,
    Source,
    in_bytes,
    names_for,
    not_corruptible,
    to_images,
)
from benchmark.probes.corruptions.pictures import (
    BENCHMARK,
    CLEAN,
    FOR_VALIDATION,
    curves_of,
    surfaces_of,
    thumbnail,
    thumbnails_of,
)
from benchmark.probes.corruptions.scores import Measured, mce_spec, scores_of, specs
from benchmark.probes.corruptions.settings import CorruptionsSettings
from benchmark.probes.probe import Probe, ProfileShare, as_outcomes, whole_batches
from benchmark.results import Outcome, ProbeResult, ScoreSpec, Thumbnail
from benchmark.subject import Subject
from benchmark.work import PassMix, Work
from models_zoo.prediction import predicted_classes

TIMED = 6
"""Examples whose corrupted images are generated to estimate the time for all."""


class CorruptionsProbe(Probe[CorruptionsSettings]):
    """15 corruptions at 5 severities, and 4 more for validation."""

    name = "corruptions"
    title = "Corruptions"
    question = "What is the accuracy on noisy, blurred, weathered and compressed images?"
    mix = PassMix()
    step_cost = 1.1
    pass_cost = 3.0  # corrupting the images takes most of the time of small networks
    profile = ProfileShare("mean_accuracy", "corruptions")
    scores = specs()

    @classmethod
    def scores_with(cls, settings: Mapping[str, Any]) -> dict[str, ScoreSpec]:
        """The mCE is called after its baseline."""
        baseline = settings.get("baseline")
        if not isinstance(baseline, Mapping):
            return cls.scores
        return cls.scores | {"mce": mce_spec(str(baseline.get("name")))}

    @classmethod
    def thumbnails_of(cls, result: ProbeResult) -> Sequence[Thumbnail]:
        """Images in the cells of the heat maps; generated ones are not stored, but the example."""
        stored = result.thumbnails
        if len(stored) == 1 and stored[0].caption == CLEAN:
            return thumbnails_of(result.surfaces, stored[0])
        return stored

    def applies(self, subject: Subject) -> str | None:
        """Requires images that can be corrupted, or the files of their corrupted versions.

        Raises:
            InputError: files are missing or damaged, or are not those of the examples.
        """
        files = self._files
        if files is None:
            return not_corruptible(tuple(subject.images.shape[1:]))
        names = self._names(subject)
        files.require(names.benchmark + names.validation)
        files.require_same(subject.labels.cpu().numpy())
        return None

    def expected_work(self, subject: Subject) -> Work:
        """A pass of each example under each corruption at each severity."""
        return whole_batches(subject, len(self._names(subject).cells) * len(subject))

    def seconds_besides(
        self, subject: Subject, clock: Callable[[], float] = time.perf_counter
    ) -> float:
        """The time to generate the corrupted images, from a few examples; 0 for published ones."""
        if self._files is not None:
            return 0.0
        cells, source = self._names(subject).cells, Generated(subject)

        def taken(images: int) -> float:
            start = clock()
            for _ in source.batches(slice(0, images), cells):
                pass
            return clock() - start

        taken(1)  # some matrices are computed once
        few = min(len(subject), TIMED)
        one, several = taken(1), taken(few)
        each = max(several - one, 0.0) / max(few - 1, 1)
        return one + each * (len(subject) - 1)

    def ask(self, subject: Subject) -> ProbeResult:
        """Classify every example under every corruption at every severity."""
        files, names = self._files, self._names(subject)
        source: Source = Generated(subject) if files is None else Read(files)
        measured = self._measure(subject, source, names)
        generator = np.random.default_rng(subject.generator(self.name, "resamples").initial_seed())
        settings = self.settings
        surfaces = surfaces_of(measured)
        return ProbeResult(
            probe=self.name,
            scores=scores_of(measured, settings.baseline, settings.resamples, generator),
            share_of={"all_correct": "all_correct"},
            curves=curves_of(measured),
            surfaces=surfaces,
            thumbnails=self._thumbnails(subject, files, names),
            protocol=source.protocol() | self._protocol(measured),
        ).with_outcomes(_outcomes(measured))

    @property
    def _files(self) -> CifarC | None:
        return CifarC.named(self.settings.images) if self.settings.images in PUBLISHED else None

    def _names(self, subject: Subject) -> Names:
        return names_for(
            tuple(subject.images.shape[1:]),
            published=self._files is not None,
            validation=self.settings.validation,
        )

    def _measure(self, subject: Subject, source: Source, names: Names) -> Measured:
        right = np.zeros((len(names.cells), len(subject)), bool)
        for rows in subject.batches():
            labels = subject.labels[rows]
            batches = source.batches(rows, names.cells)
            for place, levels in enumerate(batches):
                logits = subject.logits(to_images(levels, subject.images.device))
                right[place, rows] = as_outcomes(predicted_classes(logits) == labels)
            subject.progress(f"corruptions: {rows.stop} of {len(subject)} images")
        by_name = right.reshape(-1, len(SEVERITIES), len(subject))
        count = len(names.benchmark)
        return Measured(
            names.benchmark,
            by_name[:count],
            names.validation,
            by_name[count:],
            as_outcomes(subject.correct()),
        )

    def _thumbnails(self, subject: Subject, files: CifarC | None, names: Names) -> list[Thumbnail]:
        """The first example; under every corruption if that cannot be generated again."""
        if files is None:
            clean = to_images(in_bytes(subject.images[:1]), torch.device("cpu"))[0]
            return [Thumbnail.of(BENCHMARK, CLEAN, clean)]
        groups = {BENCHMARK: names.benchmark, FOR_VALIDATION: names.validation}
        titles = CORRUPTIONS | VALIDATION
        return [
            thumbnail(picture, titles[name].title, each, files.images(name, each, 0, 1)[0])
            for picture, group in groups.items()
            for name in group
            for each in SEVERITIES
        ]

    def _protocol(self, measured: Measured) -> dict[str, JsonValue]:
        worst, severity = measured.worst_cell
        stated: dict[str, JsonValue] = {
            "corruptions": len(measured.names),
            "severities of each": len(SEVERITIES),
            "validation corruptions": len(measured.validation_names),
            "measured on": measured.right.shape[2],
            "worst corruption": CORRUPTIONS[measured.worst_corruption].title,
            "worst cell": f"{CORRUPTIONS[worst].title}, severity {severity}",
            "resamples": self.settings.resamples,
        }
        if self.settings.baseline is not None:
            stated["baseline of the mCE"] = self.settings.baseline.name
        return stated


def _outcomes(measured: Measured) -> dict[str, Outcome]:
    """Which examples are right under all corruptions, and under each at each severity."""
    groups = (
        (measured.names, measured.right),
        (measured.validation_names, measured.validation),
    )
    return {"all_correct": Outcome(measured.all_correct, "control")} | {
        f"{name}@{severity}": Outcome(bits, "control")
        for names, right in groups
        for name, of_name in zip(names, right, strict=True)
        for severity, bits in zip(SEVERITIES, of_name, strict=True)
    }
