"""The probe for concept activation vectors: how well they find a concept, whatever the seed."""

from __future__ import annotations

import torch

from benchmark.concepts import Layer, choose_layer
from benchmark.probes.concepts.measured import (
    SINGLE,
    Comparison,
    averaged,
    compare,
    with_concept,
)
from benchmark.probes.concepts.pictures import bars_of, thumbnails_of
from benchmark.probes.concepts.settings import ConceptsSettings
from benchmark.probes.concepts.specs import SCORES
from benchmark.probes.concepts.variants import GS, LOGISTIC, RANDOM, Experiment, acav
from benchmark.probes.probe import Probe, ProfileShare, classes_of, refusal
from benchmark.results import ProbeResult, Score
from benchmark.statistics import deviation_ratio, mean
from benchmark.subject import Subject
from benchmark.work import PassMix, Work
from models_zoo.errors import InputError


class ConceptsProbe(Probe[ConceptsSettings]):
    """Reliability of concept activation vectors (Kim et al. 2018, Soni et al. 2020)."""

    name = "concepts"
    title = "Concept vectors"
    question = (
        "Does a concept vector of a layer find the test images that contain the concept, and do "
        "vectors of different seeds agree?"
    )
    scores = SCORES
    profile = ProfileShare("recall_at_fpr", "concepts")
    leading_pictures = ("concept_recall", "spread_of_concept_recall")
    pass_cost = 60.0  # the classifiers take the time, for small networks nearly all of it
    mix = PassMix(images=0.1)
    step_cost = 60.0

    def applies(self, subject: Subject) -> str | None:
        """Requires classes with and without the concept, and a layer that is wide enough."""
        settings = self.settings

        def check() -> None:
            classes = classes_of(subject)
            for label in (*settings.contains, *settings.lacks):
                if label >= classes:
                    raise InputError(f"class {label} is not one of {classes} classes")
            for which, rows in zip(
                ("with", "without"), with_concept(subject, settings), strict=True
            ):
                if not len(rows):
                    raise InputError(f"no test image is of a class {which} the concept")
            self._layer(subject)

        return refusal(check)

    def expected_work(self, subject: Subject) -> Work:
        """One for each drawn image, and two for each test image that is used."""
        settings = self.settings
        sets = 2 * settings.seeds * settings.averaged  # the negatives and the control's images
        drawn = settings.images * (sets + 2)
        used = sum(map(len, with_concept(subject, settings)))
        return Work.in_batches(drawn + 2 * used, subject.batch_size)

    def _layer(self, subject: Subject) -> Layer:
        settings = self.settings
        key = ("concept layer", settings.layer, settings.needed_width)
        return subject.once(
            key, lambda: choose_layer(subject, settings.layer, settings.needed_width)
        )

    def ask(self, subject: Subject) -> ProbeResult:
        """Train the vectors of every seed, and measure all of them on test images."""
        settings, layer = self.settings, self._layer(subject)
        experiment = Experiment(subject, layer, settings)
        found = []
        for seed in range(settings.seeds):
            found.append(experiment.vectors(seed))
            subject.progress(f"concept vectors of seed {seed + 1} of {settings.seeds}")
        rows = torch.cat(with_concept(subject, settings)).sort().values
        examples = subject.take(rows.to(subject.images.device))
        comparison = compare(examples, layer, found, settings, LOGISTIC)
        return ProbeResult(
            probe=self.name,
            scores=_scores(comparison, settings),
            bars=bars_of(comparison, settings.false_positives),
            thumbnails=thumbnails_of(
                examples, comparison.margins, experiment.images, experiment.negatives(0)
            ),
            protocol={
                "layer": f"{layer.name} ({layer.kind})",
                "numbers per image": layer.width,
                "activations": settings.activations,
                "images of the concept": settings.images,
                "negatives per vector": settings.images,
                "seeds": settings.seeds,
                "vectors averaged": settings.averaged,
                "classes with the concept": list(settings.contains),
                "classes without": list(settings.lacks),
                "test images with the concept": len(with_concept(subject, settings)[0]),
                "test images without": len(with_concept(subject, settings)[1]),
                "false-positive rate": settings.false_positives,
                "eps": list(settings.eps),
                "Gram-Schmidt directions": settings.directions,
            },
        )


def _scores(comparison: Comparison, settings: ConceptsSettings) -> dict[str, Score]:
    """The scores of the plain vector, and of others compared with it over the same seeds."""
    several = averaged(settings.averaged)
    plain, control = (comparison.by_name[name, SINGLE] for name in (LOGISTIC, RANDOM))
    adversarial = comparison.by_name[acav(settings.eps[-1]), SINGLE]
    orthogonal = comparison.by_name[GS, several]
    means = plain.means()
    found: dict[str, Score | None] = {
        **means,
        **plain.deviations(),
        "acav_gain": mean(adversarial.recall_at - plain.recall_at),
        "acav_recall_gain": mean(adversarial.recall - plain.recall),
        "acav_false_positive_gain": mean(adversarial.false_positives - plain.false_positives),
        "gs_gain": mean(orthogonal.recall_at - plain.recall_at),
        "gs_spread": deviation_ratio(orthogonal.recall_at, plain.recall_at),
        "gs_recall_spread": deviation_ratio(orthogonal.recall, plain.recall),
        "averaged_spread": deviation_ratio(
            comparison.by_name[LOGISTIC, several].recall_at, plain.recall_at
        ),
        "control_tcav": control.means()["tcav"],
        "control_auroc": control.means()["auroc"],
    }
    return {name: score for name in SCORES if (score := found[name]) is not None}
