"""The autoencoders of MagNet, trained on clean images with noise.

Source: Meng & Chen 2017, "MagNet: a two-pronged defense against adversarial examples", and its
public code: autoencoder I with one pooling, autoencoder II without, three channels, 3x3 kernels,
sigmoids everywhere, Glorot's weights; the mean squared error to the clean image, Adam, batches of
256, and Gaussian noise of deviation 0.1 on the input. The code draws one array of noise for the
whole run; here it is drawn again for every batch. Its regularizer of activities, 1e-9, is left out.

The pooling halves images of :data:`MIN_EDGE` pixels or more. Smaller ones, such as the 8x8 digits,
have too few pixels for that, and their autoencoder I is fully connected with a narrow middle.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Literal

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from benchmark.generators import generators_restored, seed_generators

Draws = Callable[..., Generator]
"""A seeded generator for a purpose, such as :meth:`benchmark.subject.Subject.generator`."""

NOISE = 0.1
"""Deviation of the noise on inputs during training; the authors' value for MNIST."""

BATCH_SIZE = 256
CHANNELS = 3
"""Channels of the hidden layers."""

MIN_EDGE = 16
"""Smallest edge of an image that autoencoder I halves."""

NARROWING = 4
"""Pixels per hidden unit of the fully connected autoencoder."""

STEP, STEP_CONNECTED = 0.03, 0.01
"""Adam's step of convolutional and of fully connected autoencoders. With Adam's usual 0.001, which
the authors take for 100 epochs of 55,000 images, a convolutional one still returns the mean image
after 1,000 batches; with 0.03 its reconstructions are classified correctly after 250."""


class Convolutional(nn.Module):
    """Autoencoder I (pooled) or II of MagNet, from images (N, C, H, W) to images.

    Args:
        channels: of the images.
        pooled: whether the middle has half the height and width.
    """

    def __init__(self, channels: int, *, pooled: bool) -> None:
        super().__init__()
        self.pooled = pooled
        self.first = nn.Conv2d(channels, CHANNELS, 3, padding=1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.third = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) if pooled else None
        self.fourth = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) if pooled else None
        self.last = nn.Conv2d(CHANNELS, channels, 3, padding=1)
        # As the code of MagNet: PyTorch's weights are smaller, and sigmoids then learn for epochs
        # to return the mean image.
        for layer in self.children():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions (N, C, H, W) in (0, 1)."""
        size = images.shape[-2:]
        hidden = self.first(images).sigmoid()
        if self.pooled:
            hidden = F.avg_pool2d(hidden, 2)
        hidden = self.second(hidden).sigmoid()
        if self.third is not None and self.fourth is not None:
            hidden = F.interpolate(self.third(hidden).sigmoid(), size=size, mode="nearest")
            hidden = self.fourth(hidden).sigmoid()
        found: Tensor = self.last(hidden).sigmoid()
        return found


class Connected(nn.Module):
    """A fully connected autoencoder with one hidden layer, for small images.

    Args:
        shape: (channels, height, width) of an image.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        pixels = shape[0] * shape[1] * shape[2]
        self.encode = nn.Linear(pixels, max(1, pixels // NARROWING))
        self.decode = nn.Linear(max(1, pixels // NARROWING), pixels)

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions (N, C, H, W) in (0, 1)."""
        hidden = self.encode(images.flatten(1)).sigmoid()
        found: Tensor = self.decode(hidden).sigmoid()
        return found.view_as(images)


def autoencoder(
    number: Literal[1, 2], images: Tensor, epochs: int, draws: Draws
) -> Callable[[Tensor], Tensor]:
    """Train autoencoder I or II.

    Args:
        number: which of the two.
        images: clean training images (N, C, H, W) in [0, 1].
        epochs: passes over the images.
        draws: generators of the weights, the order and the noise.

    Returns:
        From images (n, C, H, W) to reconstructions in (0, 1), differentiable; its weights are
        fixed.
    """
    shape = (images.shape[1], images.shape[2], images.shape[3])
    small = min(shape[1:]) < MIN_EDGE

    def build() -> nn.Module:
        if number == 1 and small:
            return Connected(shape)
        return Convolutional(shape[0], pooled=number == 1)

    network = seeded(build, images.device, draws, "autoencoder", number)
    noise = draws("detection", "autoencoder", number, "noise")

    def loss(rows: Tensor) -> Tensor:
        clean = images[rows]
        drawn = torch.randn(clean.shape, generator=noise).to(clean)
        return F.mse_loss(network((clean + NOISE * drawn).clamp(0, 1)), clean)

    order = draws("detection", "autoencoder", number, "order")
    step = STEP_CONNECTED if isinstance(network, Connected) else STEP
    descend(network, loss, len(images), epochs, order, step=step)
    return network


def seeded(
    build: Callable[[], nn.Module], device: torch.device, draws: Draws, *purpose: Hashable
) -> nn.Module:
    """A module whose first weights are drawn from a purpose alone.

    Args:
        build: makes it, with PyTorch's own initialization.
        device: where it is to be.
        draws: seeded generators.
        purpose: names what is drawn.
    """
    seed = int(torch.randint(2**31, (), generator=draws("detection", *purpose, "weights")))
    cpu = torch.device("cpu")
    with generators_restored(cpu):
        seed_generators(seed, cpu)
        return build().to(device)


def descend(
    network: nn.Module,
    loss: Callable[[Tensor], Tensor],
    examples: int,
    epochs: int,
    order: Generator,
    *,
    step: float,
) -> None:
    """Train a network by Adam on mini-batches, then fix its weights.

    Args:
        network: in place.
        loss: of the examples with these indices.
        examples: number of them.
        epochs: passes over the examples.
        order: draws the order.
        step: Adam's step.
    """
    device = next(network.parameters()).device
    optimizer = torch.optim.Adam(network.parameters(), lr=step)
    with torch.enable_grad():
        for _ in range(epochs):
            shuffled = torch.randperm(examples, generator=order).to(device)
            for rows in torch.split(shuffled, BATCH_SIZE):
                optimizer.zero_grad()
                torch.autograd.backward(loss(rows))
                optimizer.step()
    network.eval().requires_grad_(False)
