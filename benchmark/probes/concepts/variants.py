"""The concept vectors that are compared, and how they are found with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.concepts import (
    Concept,
    Directions,
    Layer,
    activations,
    concept_of,
    fit_adversarial,
    fit_logistic,
    fit_sgd,
    orthogonal_negatives,
)
from benchmark.concepts.images import Shape
from benchmark.probes.concepts.settings import ConceptsSettings
from benchmark.subject import Subject

SGD, LOGISTIC, GS, ACAV_GS = (
    "CAV-SGD",
    "CAV-logistic",
    "GS, reconstruction",
    "A-CAV+GS, reconstruction",
)
"""Names of the vectors of which there is one, short enough for charts."""


def control(concept: Concept) -> str:
    """Name of logistic regression between negatives and other negatives, without a concept."""
    return f"{concept.negatives_are}, control"


def acav(eps: float) -> str:
    """Name of the adversarial vector."""
    return f"A-CAV {eps:g}, reconstruction"


def pushed_away(eps: float) -> str:
    """Name of the adversarial vector whose activations are moved away from the boundary."""
    return f"push-away {eps:g}, ablation"


def shape_of(subject: Subject) -> Shape:
    """Channels, height and width of a subject's images."""
    channels, height, width = subject.images.shape[1:]
    return channels, height, width


@dataclass(frozen=True)
class Scale:
    """The map of activations to those that classifiers are trained on: ``(a - mean) / scale``.

    One number for all units, so that a layer that is scaled by a factor has the same classifiers.

    Attributes:
        mean: float64 (d,); zero for raw activations.
        scale: root of the mean square of what is left of the images for training.
    """

    mean: Tensor
    scale: float

    @classmethod
    def of(cls, drawn: Tensor, *, centered: bool) -> Scale:
        """From activations (n, d) of images of the concept and others."""
        mean = drawn.mean(0) if centered else torch.zeros_like(drawn[0])
        scale = float((drawn - mean).square().mean().sqrt())
        return cls(mean, scale or 1.0)

    def __call__(self, values: Tensor) -> Tensor:
        """Of activations (..., d)."""
        return (values - self.mean) / self.scale

    def undone(self, found: Directions) -> Directions:
        """The classifiers of activations as the model has them."""
        weights = found.weights / self.scale
        return Directions(weights, found.biases - weights @ self.mean)


class Experiment:
    """The images of a concept, and the vectors that are found with each seed.

    Args:
        subject: the model.
        layer: of the model.
        settings: of the probe.

    Attributes:
        source: where the images are from.
        images: images of the concept, (n, C, H, W); the same with every seed.
        concept: their activations, scaled, float64 (n, d).
    """

    def __init__(self, subject: Subject, layer: Layer, settings: ConceptsSettings) -> None:
        self.subject, self.layer, self.settings = subject, layer, settings
        self.source = concept_of(settings.concept)
        self.shape = shape_of(subject)
        self.images = self.source.images(
            settings.images, self.shape, subject.generator("concepts", "images")
        )
        raw = activations(subject, layer, self.images)
        first = activations(subject, layer, self.negatives(0)[: settings.images])
        self.scale = Scale.of(torch.cat([raw, first]), centered=settings.activations == "centered")
        self.concept = self.scale(raw)

    def negatives(self, seed: int) -> Tensor:
        """The negatives of a seed, (k * n, C, H, W)."""
        return self._without("negatives", seed)

    def _without(self, purpose: str, seed: int) -> Tensor:
        settings, generator = self.settings, self.subject.generator("concepts", purpose, seed)
        return self.source.negatives(settings.averaged * settings.images, self.shape, generator)

    def vectors(self, seed: int) -> Mapping[str, Directions]:
        """The classifiers of every variant with one seed, one per set of negatives.

        They are classifiers of activations as the model has them.

        Args:
            seed: of the negatives.
        """
        settings, concept = self.settings, self.concept
        sets = settings.averaged
        drawn = self._activations(self.negatives(seed))
        others = self._activations(self._without("control", seed))
        order = int(
            torch.randint(2**31, (), generator=self.subject.generator("concepts", "order", seed))
        )
        orthogonal = orthogonal_negatives(
            concept,
            settings.directions,
            sets,
            self.subject.generator("concepts", "orthogonal", seed),
        )
        strongest = settings.eps[-1]

        def adversarial(negatives: Tensor, eps: float, *, away: bool = False) -> Directions:
            return fit_adversarial(
                concept,
                negatives,
                eps,
                penalty=settings.penalty,
                away=away,
            )

        found = {
            SGD: fit_sgd(concept, drawn, order),
            LOGISTIC: fit_logistic(concept, drawn, settings.penalty),
            **{acav(eps): adversarial(drawn, eps) for eps in settings.eps},
            pushed_away(strongest): adversarial(drawn, strongest, away=True),
            GS: fit_logistic(concept, orthogonal, settings.penalty),
            ACAV_GS: adversarial(orthogonal, strongest),
            control(self.source): fit_logistic(others, drawn, settings.penalty),
        }
        return {name: self.scale.undone(each) for name, each in found.items()}

    def _activations(self, images: Tensor) -> Tensor:
        """Scaled activations of images in sets, float64 (k, n, d)."""
        values = self.scale(activations(self.subject, self.layer, images))
        return values.reshape(self.settings.averaged, self.settings.images, -1)
