"""Generators of images by class: ``log q(x | c)`` for every class, fitted to clean images.

- :class:`PPCA`: probabilistic principal component analysis per class, a Gaussian whose covariance
  is the largest principal components plus a multiple of the identity (Tipping & Bishop 1999, in
  closed form).
- :class:`ConditionalVAE`: a conditional variational autoencoder (Kingma & Welling 2014; Sohn et al.
  2015); the evidence lower bound at the posterior's mean takes the place of the likelihood.
"""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.detection.autoencoders import Draws, descend, seeded

MIN_VARIANCE = 1e-4
"""Smallest variance per pixel: pixels that never change would have none."""

HIDDEN, LATENT = 256, 16
"""Hidden units and latent dimensions of the conditional VAE."""

STEP = 1e-3


class ClassModel(Protocol):
    """The likelihood of images by class."""

    def log_likelihood(self, images: Tensor) -> Tensor:
        """``log q(x | c)``, float64 (N, K), for images (N, C, H, W); differentiable."""
        ...


class PPCA:
    """A Gaussian per class with a low-rank covariance plus noise.

    Args:
        images: clean training images (N, C, H, W).
        labels: their classes (N,); every class needs at least two images.
        classes: K.
        components: number of principal components, or fewer where a class has too few images.
    """

    def __init__(self, images: Tensor, labels: Tensor, classes: int, components: int) -> None:
        flat = images.flatten(1).double()
        pixels = flat.shape[1]
        counts = torch.bincount(labels, minlength=classes)
        kept = min(components, pixels - 1, int(counts.min()) - 1)
        means, bases, variances, noises = [], [], [], []
        for label in range(classes):
            own = flat[labels == label]
            mean = own.mean(0)
            centered = own - mean
            values, vectors = torch.linalg.eigh(centered.T @ centered / len(own))
            noise = values[: pixels - kept].mean().clamp_min(MIN_VARIANCE)
            means.append(mean)
            bases.append(vectors[:, pixels - kept :])
            variances.append(values[pixels - kept :].clamp_min(MIN_VARIANCE))
            noises.append(noise)
        self.means, self.noises = torch.stack(means), torch.stack(noises)
        # All classes in one product: (D, K C), and the projections of the means.
        self._axes = torch.cat(bases, 1)
        self._origins = torch.cat([mean @ base for mean, base in zip(means, bases, strict=True)])
        self.variances = torch.maximum(torch.stack(variances), self.noises[:, None])
        self._constants = (
            pixels * math.log(2 * math.pi)
            + self.variances.log().sum(1)
            + (pixels - kept) * self.noises.log()
        )

    def log_likelihood(self, images: Tensor) -> Tensor:
        """As :meth:`ClassModel.log_likelihood`."""
        flat = images.flatten(1).double()
        squares = (flat @ self._axes - self._origins).square()
        squares = squares.view(len(flat), len(self.means), -1)
        whole = flat.square().sum(1, keepdim=True) + self.means.square().sum(1)
        rest = (whole - 2 * flat @ self.means.T - squares.sum(2)).clamp_min(0)
        distances = (squares / self.variances).sum(2) + rest / self.noises
        return -(self._constants + distances) / 2


class ConditionalVAE(nn.Module):
    """A conditional VAE with Bernoulli pixels.

    Args:
        pixels: numbers per image.
        classes: K.
    """

    def __init__(self, pixels: int, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.encode = nn.Linear(pixels + classes, HIDDEN)
        self.posterior = nn.Linear(HIDDEN, 2 * LATENT)
        self.decode = nn.Linear(LATENT + classes, HIDDEN)
        self.output = nn.Linear(HIDDEN, pixels)

    def bound(self, flat: Tensor, labels: Tensor, noise: Tensor | None = None) -> Tensor:
        """The evidence lower bound (N,), in nats.

        Args:
            flat: images (N, D) in [0, 1].
            labels: (N,).
            noise: standard normal (N, latent); by default the posterior's mean is decoded.
        """
        given = F.one_hot(labels, self.classes).to(flat)
        hidden = self.encode(torch.cat([flat, given], 1)).relu()
        mean, log_variance = self.posterior(hidden).chunk(2, 1)
        latent = mean if noise is None else mean + (log_variance / 2).exp() * noise
        logits = self.output(self.decode(torch.cat([latent, given], 1)).relu())
        fit = -F.binary_cross_entropy_with_logits(logits, flat, reduction="none").sum(1)
        prior = (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2
        bound: Tensor = fit - prior
        return bound

    def log_likelihood(self, images: Tensor) -> Tensor:
        """As :meth:`ClassModel.log_likelihood`: the bound, one class after the other."""
        flat = images.flatten(1)
        columns = [
            self.bound(flat, torch.full((len(flat),), label, device=flat.device))
            for label in range(self.classes)
        ]
        return torch.stack(columns, 1).double()


def conditional_vae(
    images: Tensor, labels: Tensor, classes: int, epochs: int, draws: Draws
) -> ConditionalVAE:
    """Train a conditional VAE.

    Args:
        images: clean training images (N, C, H, W) in [0, 1].
        labels: their classes (N,).
        classes: K.
        epochs: passes over the images.
        draws: generators of the weights, the order and the latent noise.
    """
    flat = images.flatten(1)
    network = seeded(lambda: ConditionalVAE(flat.shape[1], classes), images.device, draws, "vae")
    assert isinstance(network, ConditionalVAE)  # noqa: S101  what was built
    noise = draws("detection", "vae", "noise")

    def loss(rows: Tensor) -> Tensor:
        drawn = torch.randn(len(rows), LATENT, generator=noise).to(flat)
        return -network.bound(flat[rows], labels[rows], drawn).mean()

    descend(network, loss, len(images), epochs, draws("detection", "vae", "order"), step=STEP)
    return network
