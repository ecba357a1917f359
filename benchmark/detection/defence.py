"""MagNet around a classifier: detectors, a reformer, and the detector of mutual information.

An image is rejected if any detector's score reaches its threshold; otherwise the classifier decides
on its reconstruction by autoencoder I, the reformer. Mutual information is that of the image with
the class that the classifier predicts for the image *before* the reformer.

Source: Meng & Chen 2017 and the public code of MagNet; see :mod:`benchmark.detection.autoencoders`,
:mod:`benchmark.detection.divergence` and :mod:`benchmark.detection.mutual_information`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from benchmark.detection.autoencoders import Draws, autoencoder
from benchmark.detection.class_models import PPCA, ClassModel, conditional_vae
from benchmark.detection.clean_images import CleanImages
from benchmark.detection.divergence import jensen_shannon, uncertainty
from benchmark.detection.mutual_information import by_label, by_reconstruction
from benchmark.detection.thresholds import Thresholds, rejected
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes

RECONSTRUCTION = ("reconstruction I", "reconstruction II")
MI, MI_VAE, MI_RECONSTRUCTION = "MI", "MI (CVAE)", "MI (autoencoder)"
MAX_SOFTMAX = "max softmax"

BASE_TEMPERATURE = 1.0
"""Temperature of the divergence that is a baseline and not a part of MagNet."""

MIXTURE = 2000
"""Reconstructions of training images in the mixture of :func:`by_reconstruction`."""

_KEPT = 2
"""Sets of generators that a process keeps, the last ones used."""

_kept: OrderedDict[Hashable, Generators] = OrderedDict()


@dataclass(frozen=True)
class Training:
    """How the generators of a defence are trained.

    Attributes:
        epochs: passes over the training images, of autoencoders and of the conditional VAE.
        components: principal components of PPCA.
    """

    epochs: int
    components: int


@dataclass(frozen=True, eq=False)
class Generators:
    """What a defence learns from clean images alone, whatever the classifier.

    Attributes:
        first: autoencoder I, which is the reformer as well.
        second: autoencoder II.
        ppca: images by class.
        vae: images by class.
        mixture: reconstructions of training images by the first.
        variance: mean squared error per pixel of the first on validation images.
    """

    first: Callable[[Tensor], Tensor]
    second: Callable[[Tensor], Tensor]
    ppca: ClassModel
    vae: ClassModel
    mixture: Tensor
    variance: float


def trained_generators(
    clean: CleanImages, classes: int, training: Training, seed: int, draws: Draws
) -> Generators:
    """Train the generators, once per process for the same images, settings and seed.

    Args:
        clean: training and validation images.
        classes: number of classes.
        training: epochs and components.
        seed: of the draws.
        draws: seeded generators.
    """
    key = (*clean.key, classes, training, seed)
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    first = autoencoder(1, clean.images, training.epochs, draws)
    with torch.no_grad():
        mixture = first(clean.images[:MIXTURE])
        error = (first(clean.validation) - clean.validation).square().mean()
    found = Generators(
        first=first,
        second=autoencoder(2, clean.images, training.epochs, draws),
        ppca=PPCA(clean.images, clean.labels, classes, training.components),
        vae=conditional_vae(clean.images, clean.labels, classes, training.epochs, draws),
        mixture=mixture,
        variance=max(float(error), 1e-12),
    )
    _kept[key] = found
    while len(_kept) > _KEPT:
        _kept.popitem(last=False)
    return found


@dataclass(frozen=True, eq=False)
class Examined:
    """What the detectors and the reformer say of images.

    Attributes:
        scores: by detector, float64 (N,), larger is more suspicious; infinite where undefined.
        predicted: classes of the images themselves (N,).
        reformed: classes of their reconstructions (N,).
    """

    scores: dict[str, Tensor]
    predicted: Tensor
    reformed: Tensor

    def take(self, rows: Tensor) -> Examined:
        """The same of some of the images, by index or mask."""
        scores = {name: each[rows] for name, each in self.scores.items()}
        return Examined(scores, self.predicted[rows], self.reformed[rows])

    def passes(self, thresholds: Thresholds) -> Tensor:
        """Bool (N,): which images no detector rejects."""
        return ~rejected(self.scores, thresholds)


@dataclass(frozen=True, eq=False)
class Detectors:
    """All detectors around a classifier.

    Attributes:
        subject: the classifier.
        generators: what was learnt from clean images.
        temperatures: of the divergence detectors that belong to MagNet.
        likelihood_temperature: divisor of the log-likelihoods of PPCA.
    """

    subject: Subject
    generators: Generators
    temperatures: Sequence[float]
    likelihood_temperature: float
    magnet: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = (*RECONSTRUCTION, *(divergence_name(each) for each in self.temperatures))
        object.__setattr__(self, "magnet", names)

    @property
    def with_mi(self) -> tuple[str, ...]:
        """The detectors of MagNet with that of mutual information."""
        return (*self.magnet, MI)

    @property
    def names(self) -> tuple[str, ...]:
        """All detectors: baselines, those of MagNet, and mutual information by each generator."""
        base = divergence_name(BASE_TEMPERATURE)
        every = (MAX_SOFTMAX, base, *self.magnet, MI, MI_VAE, MI_RECONSTRUCTION)
        return tuple(dict.fromkeys(every))  # the baseline may be one of MagNet's

    def examine(self, images: Tensor) -> Examined:
        """Examine images (N, C, H, W), batch by batch."""
        parts = []
        with torch.no_grad():
            for part in torch.split(images, self.subject.batch_size):
                scores, logits, reformed = self.scores(part, self.names)
                classes = predicted_classes(logits), predicted_classes(reformed)
                parts.append(Examined(scores, *classes))
        return Examined(
            {
                name: _infinite_where_undefined(torch.cat([part.scores[name] for part in parts]))
                for name in self.names
            },
            torch.cat([part.predicted for part in parts]),
            torch.cat([part.reformed for part in parts]),
        )

    def scores(
        self, images: Tensor, names: Sequence[str]
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """Scores of one batch, differentiable in the images.

        Args:
            images: (n, C, H, W).
            names: the detectors.

        Returns:
            Scores by detector (n,), the logits of the images and of their reconstructions (n, K).
        """
        first = self.generators.first(images).clamp(0, 1)
        logits, reformed = self.subject.forward(images), self.subject.forward(first)
        compute: Mapping[str, Callable[[], Tensor]] = {
            MAX_SOFTMAX: lambda: uncertainty(logits),
            RECONSTRUCTION[0]: lambda: (images - first).square().flatten(1).mean(1).double(),
            RECONSTRUCTION[1]: lambda: (
                (images - self.generators.second(images)).abs().flatten(1).mean(1).double()
            ),
            MI: lambda: -self._by_label(self.generators.ppca, images, logits, scaled=True),
            MI_VAE: lambda: -self._by_label(self.generators.vae, images, logits),
            MI_RECONSTRUCTION: lambda: (
                -by_reconstruction(images, first, self.generators.mixture, self.generators.variance)
            ),
            **{
                divergence_name(each): partial(jensen_shannon, logits, reformed, each)
                for each in (BASE_TEMPERATURE, *self.temperatures)
            },
        }
        return {name: compute[name]() for name in names}, logits, reformed

    def _by_label(
        self, model: ClassModel, images: Tensor, logits: Tensor, *, scaled: bool = False
    ) -> Tensor:
        divisor = self.likelihood_temperature if scaled else 1.0
        return by_label(model.log_likelihood(images), predicted_classes(logits), divisor)


def _infinite_where_undefined(scores: Tensor) -> Tensor:
    return torch.where(scores.isnan(), torch.inf, scores)


def divergence_name(temperature: float) -> str:
    """Name of the divergence detector at a temperature."""
    return f"JSD T={temperature:g}"
