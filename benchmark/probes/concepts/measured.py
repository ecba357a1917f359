"""What is measured of every variant: one number per seed, single and averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.concepts import Directions, LabeledImages, Layer, activations, respond
from benchmark.concepts.measures import auroc, cosines, recall_at, retrieved
from benchmark.concepts.sensitivity import tcav_scores
from benchmark.probes.concepts.settings import ConceptsSettings
from benchmark.results import Score
from benchmark.statistics import SHARE_BOUNDS, deviation, mean, mean_over_pairs
from benchmark.subject import Subject

SINGLE = "single"
"""Name of the vectors of one set of negatives."""

Array = NDArray[np.float64]


def averaged(count: int) -> str:
    """Name of the vectors that are means over sets of negatives."""
    return f"mean of {count}"


@dataclass(frozen=True)
class Measured:
    """Of the vectors of one variant over S seeds.

    Attributes:
        recall_at: (S,), recall at the battery's false-positive rate.
        recall: (S,), share of images with the concept above the classifier's own threshold.
        false_positives: (S,), the same share of the others.
        auroc: (S,).
        tcav: (S,), share of images whose own logit increases along the vector: of test images with
            the concept, or of the evaluated ones of all classes where test images are the concept's
            own.
        cosines: (S, S), between the vectors.
    """

    recall_at: Array
    recall: Array
    false_positives: Array
    auroc: Array
    tcav: Array
    cosines: Array

    def means(self) -> dict[str, Score]:
        """Means over seeds, and over pairs of seeds, with their intervals."""
        return {
            "recall_at_fpr": mean(self.recall_at, SHARE_BOUNDS),
            "auroc": mean(self.auroc, SHARE_BOUNDS),
            "recall": mean(self.recall, SHARE_BOUNDS),
            "false_positives": mean(self.false_positives, SHARE_BOUNDS),
            "cosine": mean_over_pairs(self.cosines, (-1, 1)),
            "tcav": mean(self.tcav, SHARE_BOUNDS),
        }

    def deviations(self) -> dict[str, Score]:
        """Standard deviations over seeds with their intervals."""
        return {
            "recall_at_fpr_deviation": deviation(self.recall_at),
            "recall_deviation": deviation(self.recall),
            "tcav_deviation": deviation(self.tcav),
        }


@dataclass(frozen=True)
class Tests:
    """What the vectors are measured on.

    Attributes:
        images: (M, C, H, W), ranked by the vectors.
        has: bool (M,), which have the concept.
        examples: model and the evaluated images whose logits are differentiated: the same images,
            or others where these are the concept's own and have no class.
        own: whether they are.
    """

    images: Tensor
    has: Tensor
    examples: Subject
    own: bool


def tests_of(subject: Subject, settings: ConceptsSettings, own: LabeledImages | None) -> Tests:
    """The test images of a concept.

    Args:
        subject: model and evaluated images.
        settings: of the probe.
        own: of the concept; ``None`` for those of the evaluated images that are of the settings'
            classes.
    """
    if own is not None:
        return Tests(own.images, own.has, subject, own=True)
    rows = torch.cat(with_concept(subject, settings)).sort().values
    examples = subject.take(rows.to(subject.images.device))
    has = _among(examples.labels, settings.contains)
    return Tests(examples.images, has, examples, own=False)


@dataclass(frozen=True)
class Comparison:
    """All variants over all seeds, on test images.

    Attributes:
        by_name: what was measured by variant and by :data:`SINGLE` or :func:`averaged`.
        margins: float64 (M,), mean over seeds of the margin of each test image to one variant's
            averaged vectors of norm 1.
        example_margins: float64 (N,), the same of the evaluated images.
        tcav_by_class: by name and class, the share (S,) of the evaluated images of the class whose
            logit increases; empty unless test images are the concept's own.
    """

    by_name: Mapping[tuple[str, str], Measured]
    margins: Tensor
    example_margins: Tensor
    tcav_by_class: Mapping[tuple[str, str], Mapping[int, Array]]


def compare(
    tests: Tests,
    layer: Layer,
    found: Sequence[Mapping[str, Directions]],
    settings: ConceptsSettings,
    ranking: str,
) -> Comparison:
    """Measure the vectors of all seeds on test images.

    Args:
        tests: the images.
        layer: of the model.
        found: the classifiers of every variant, by seed.
        settings: of the probe.
        ranking: the variant by whose averaged vectors images are ranked.
    """
    several = averaged(settings.averaged)
    stacks: dict[tuple[str, str], Directions] = {}
    for variant in found[0]:
        each = [of_seed[variant] for of_seed in found]
        stacks[variant, SINGLE] = Directions.joined([one.first() for one in each])
        stacks[variant, several] = Directions.joined([one.averaged() for one in each])
    joined = Directions.joined(list(stacks.values()))
    responses = respond(tests.examples, layer, joined)
    ranked, asked = responses.margins, responses.derivatives[tests.has] if not tests.own else None
    if asked is None:  # the concept's own images have no class whose logit could increase
        acts = activations(tests.examples, layer, tests.images)
        ranked, asked = acts @ joined.weights.T + joined.biases, responses.derivatives
    seeds = len(found)
    by_name: dict[tuple[str, str], Measured] = {}
    by_class: dict[tuple[str, str], dict[int, Array]] = {}
    margins = example_margins = torch.zeros(0, dtype=torch.float64)
    for place, (name, directions) in enumerate(stacks.items()):
        own = slice(place * seeds, (place + 1) * seeds)
        every = ranked[:, own]
        positive, negative = every[tests.has], every[~tests.has]
        by_name[name] = Measured(
            recall_at=recall_at(settings.false_positives, positive, negative).numpy(),
            recall=retrieved(positive).numpy(),
            false_positives=retrieved(negative).numpy(),
            auroc=auroc(positive, negative).numpy(),
            tcav=tcav_scores(asked[:, own]).numpy(),
            cosines=cosines(directions.weights).numpy(),
        )
        if tests.own:
            by_class[name] = _by_class(tests.examples.labels.cpu(), asked[:, own])
        if name == (ranking, several):
            margins, example_margins = every.mean(1), responses.margins[:, own].mean(1)
    return Comparison(by_name, margins, example_margins, by_class)


def _by_class(labels: Tensor, derivatives: Tensor) -> dict[int, Array]:
    """TCAV scores (S,) of each class that has images."""
    return {
        label: tcav_scores(derivatives[labels == label]).numpy()
        for label in sorted(set(labels.tolist()))
    }


def with_concept(subject: Subject, settings: ConceptsSettings) -> tuple[Tensor, Tensor]:
    """The examples that contain the concept and those that lack it, by index."""
    return (
        _among(subject.labels, settings.contains).nonzero().flatten(),
        _among(subject.labels, settings.lacks).nonzero().flatten(),
    )


def _among(labels: Tensor, classes: Sequence[int]) -> Tensor:
    """Bool (N,) on the CPU: which labels are among some classes."""
    return torch.isin(labels.cpu(), torch.tensor(list(classes)))
