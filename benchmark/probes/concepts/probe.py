"""The probe for concept activation vectors: how well they find a concept, whatever the seed."""

from __future__ import annotations

from functools import cached_property

from benchmark.concepts import Concept, Layer, choose_layer, concept_of
from benchmark.concepts.concept import TEST_CROPS
from benchmark.concepts.photographs import require_photographs
from benchmark.probes.concepts.measured import (
    SINGLE,
    Comparison,
    averaged,
    compare,
    tests_of,
    with_concept,
)
from benchmark.probes.concepts.pictures import bars_of, thumbnails_of
from benchmark.probes.concepts.settings import ConceptsSettings
from benchmark.probes.concepts.specs import SCORES
from benchmark.probes.concepts.variants import GS, LOGISTIC, Experiment, acav, control, shape_of
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

    @cached_property
    def concept(self) -> Concept:
        """The concept of the settings."""
        return concept_of(self.settings.concept)

    def require_installed(self) -> None:
        """The files of the concept's images."""
        require_photographs(self.concept.files)

    def applies(self, subject: Subject) -> str | None:
        """Requires test images with and without the concept, and a layer that is wide enough."""

        def check() -> None:
            problem = self.concept.obstacle(self.settings.images, shape_of(subject))
            if problem is not None:
                raise InputError(problem)
            if self.concept.by_class:
                self._require_classes(subject)
            self._layer(subject)

        return refusal(check)

    def _require_classes(self, subject: Subject) -> None:
        settings, classes = self.settings, classes_of(subject)
        for label in (*settings.contains, *settings.lacks):
            if label >= classes:
                raise InputError(f"class {label} is not one of {classes} classes")
        for which, rows in zip(("with", "without"), with_concept(subject, settings), strict=True):
            if not len(rows):
                raise InputError(f"no test image is of a class {which} the concept")

    def expected_work(self, subject: Subject) -> Work:
        """One for each image for training, and two for each test image that is used."""
        settings = self.settings
        sets = 2 * settings.seeds * settings.averaged  # the negatives and the control's images
        trained_on = settings.images * (sets + 2)
        used = sum(map(len, with_concept(subject, settings)))
        if not self.concept.by_class:
            used = len(subject) + TEST_CROPS
        return Work.in_batches(trained_on + 2 * used, subject.batch_size)

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
        own = self.concept.test_images(settings.images, shape_of(subject))
        tests = tests_of(subject, settings, own)
        comparison = compare(tests, layer, found, settings, LOGISTIC)
        without = control(self.concept)
        return ProbeResult(
            probe=self.name,
            scores=_scores(comparison, settings, without),
            bars=bars_of(comparison, settings.false_positives, without),
            thumbnails=thumbnails_of(
                *(tests, comparison, self.concept),
                *(experiment.images, experiment.negatives(0)),
            ),
            protocol={
                "layer": f"{layer.name} ({layer.kind})",
                "numbers per image": layer.width,
                "activations": settings.activations,
                **({} if self.concept.by_class else {"concept": settings.concept}),
                "images of the concept": settings.images,
                "negatives per vector": settings.images,
                "seeds": settings.seeds,
                "vectors averaged": settings.averaged,
                **(_classes(settings) if self.concept.by_class else {}),
                "test images with the concept": int(tests.has.sum()),
                "test images without": int((~tests.has).sum()),
                "false-positive rate": settings.false_positives,
                "eps": list(settings.eps),
                "Gram-Schmidt directions": settings.directions,
            },
        )


def _classes(settings: ConceptsSettings) -> dict[str, list[int]]:
    return {
        "classes with the concept": list(settings.contains),
        "classes without": list(settings.lacks),
    }


def _scores(comparison: Comparison, settings: ConceptsSettings, without: str) -> dict[str, Score]:
    """The scores of the plain vector, and of others compared with it over the same seeds."""
    several = averaged(settings.averaged)
    plain, random = (comparison.by_name[name, SINGLE] for name in (LOGISTIC, without))
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
        "control_tcav": random.means()["tcav"],
        "control_auroc": random.means()["auroc"],
    }
    return {name: score for name in SCORES if (score := found[name]) is not None}
