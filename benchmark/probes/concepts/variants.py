"""The concept vectors that are compared, and how they are found with one seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.concepts import (
    Directions,
    Layer,
    activations,
    fit_adversarial,
    fit_logistic,
    fit_sgd,
    loops,
    orthogonal_negatives,
    strokes,
)
from benchmark.probes.concepts.settings import ConceptsSettings
from benchmark.subject import Subject

SGD, LOGISTIC, GS, ACAV_GS, RANDOM = (
    "CAV-SGD",
    "CAV-logistic",
    "GS, reconstruction",
    "A-CAV+GS, reconstruction",
    "strokes, control",
)
"""Names of the vectors of which there is one, short enough for charts. The control is logistic
regression between strokes and other strokes, which has no concept."""


def acav(eps: float) -> str:
    """Name of the adversarial vector."""
    return f"A-CAV {eps:g}, reconstruction"


def pushed_away(eps: float) -> str:
    """Name of the adversarial vector whose activations are moved away from the boundary."""
    return f"push-away {eps:g}, ablation"


@dataclass(frozen=True)
class Scale:
    """The map of activations to those that classifiers are trained on: ``(a - mean) / scale``.

    One number for all units, so that a layer that is scaled by a factor has the same classifiers.

    Attributes:
        mean: float64 (d,); zero for raw activations.
        scale: root of the mean square of what is left of the drawn images.
    """

    mean: Tensor
    scale: float

    @classmethod
    def of(cls, drawn: Tensor, *, centered: bool) -> Scale:
        """From activations (n, d) of drawn images."""
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
    """The drawn images of a concept, and the vectors that are found with each seed.

    Args:
        subject: the model.
        layer: of the model.
        settings: of the probe.

    Attributes:
        images: drawn images of the concept, (n, C, H, W); the same with every seed.
        concept: their activations, scaled, float64 (n, d).
    """

    def __init__(self, subject: Subject, layer: Layer, settings: ConceptsSettings) -> None:
        self.subject, self.layer, self.settings = subject, layer, settings
        channels, height, width = subject.images.shape[1:]
        self.shape = (channels, height, width)
        self.images = loops(settings.images, self.shape, subject.generator("concepts", "images"))
        raw = activations(subject, layer, self.images)
        first = activations(subject, layer, self.negatives(0)[: settings.images])
        self.scale = Scale.of(torch.cat([raw, first]), centered=settings.activations == "centered")
        self.concept = self.scale(raw)

    def negatives(self, seed: int) -> Tensor:
        """The drawn strokes of a seed, (k * n, C, H, W)."""
        return self._strokes("negatives", seed)

    def _strokes(self, purpose: str, seed: int) -> Tensor:
        settings, generator = self.settings, self.subject.generator("concepts", purpose, seed)
        return strokes(settings.averaged * settings.images, self.shape, generator)

    def vectors(self, seed: int) -> Mapping[str, Directions]:
        """The classifiers of every variant with one seed, one per set of negatives.

        They are classifiers of activations as the model has them.

        Args:
            seed: of the negatives.
        """
        settings, concept = self.settings, self.concept
        sets = settings.averaged
        drawn = self._activations(self.negatives(seed))
        others = self._activations(self._strokes("control", seed))
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
            RANDOM: fit_logistic(others, drawn, settings.penalty),
        }
        return {name: self.scale.undone(each) for name, each in found.items()}

    def _activations(self, images: Tensor) -> Tensor:
        """Scaled activations of drawn images in sets, float64 (k, n, d)."""
        values = self.scale(activations(self.subject, self.layer, images))
        return values.reshape(self.settings.averaged, self.settings.images, -1)
