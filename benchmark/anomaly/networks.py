"""Autoencoders of several runs, trained at once: each layer holds the weights of all of them.

Runs have the same architecture and as many examples, so a layer of R runs is one batched product,
which on small networks takes hardly longer than that of a single run. Nothing is shared between
runs: the gradient of the sum of their losses is that of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Generator, Tensor, nn

MOMENTUM = 0.1
"""Of the running statistics, PyTorch's default."""

EPS = 1e-5
"""Added to variances, PyTorch's default."""


class Linear(nn.Module):
    """Linear layers of R runs, initialized like :class:`torch.nn.Linear`.

    Args:
        fan_in: number of inputs.
        fan_out: number of outputs.
        generators: one per run.
    """

    def __init__(self, fan_in: int, fan_out: int, generators: Sequence[Generator]) -> None:
        super().__init__()
        bound = fan_in**-0.5
        self.weight = nn.Parameter(_uniform((fan_in, fan_out), bound, generators))
        self.bias = nn.Parameter(_uniform((1, fan_out), bound, generators))

    def forward(self, values: Tensor) -> Tensor:
        """(R, B, fan_in) to (R, B, fan_out)."""
        return torch.baddbmm(self.bias, values, self.weight)


class BatchNorm(nn.Module):
    """Batch normalization of R runs, whose statistics leave out rejected examples.

    In eval mode it uses running statistics, as :class:`torch.nn.BatchNorm1d`.

    Args:
        features: number of features.
        runs: R.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, features: int, runs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(runs, 1, features))
        self.bias = nn.Parameter(torch.zeros(runs, 1, features))
        self.register_buffer("mean", torch.zeros(runs, 1, features))
        self.register_buffer("variance", torch.ones(runs, 1, features))

    def forward(self, values: Tensor, counted: Tensor) -> Tensor:
        """Normalize.

        Args:
            values: (R, B, F).
            counted: (R, B), 1 for the examples whose statistics are used and 0 for the others.
        """
        if self.training:
            share = counted / counted.sum(1, keepdim=True).clamp(min=1)
            mean = (values * share[..., None]).sum(1, keepdim=True)
            variance = ((values - mean) ** 2 * share[..., None]).sum(1, keepdim=True)
            with torch.no_grad():
                self.mean.lerp_(mean, MOMENTUM)
                self.variance.lerp_(variance, MOMENTUM)
        else:
            mean, variance = self.mean, self.variance
        return (values - mean) * (variance + EPS).rsqrt() * self.weight + self.bias


class Perceptron(nn.Module):
    """Two hidden layers with ReLU, of R runs.

    Args:
        sizes: of the input, both hidden layers and the output.
        generators: one per run.
        normalized: whether there is batch normalization after each hidden layer.
    """

    def __init__(
        self, sizes: Sequence[int], generators: Sequence[Generator], *, normalized: bool = False
    ) -> None:
        super().__init__()
        pairs = pairwise(sizes)
        self.layers = nn.ModuleList(Linear(*pair, generators) for pair in pairs)
        self.norms = nn.ModuleList(
            BatchNorm(size, len(generators)) for size in sizes[1:-1] if normalized
        )

    def forward(self, values: Tensor, counted: Tensor | None = None) -> Tensor:
        """(R, B, first size) to (R, B, last size); ``counted`` as for :class:`BatchNorm`."""
        for place, layer in enumerate(self.layers):
            values = layer(values)
            if place < len(self.layers) - 1:
                if self.norms:
                    used = values.new_ones(values.shape[:2]) if counted is None else counted
                    values = self.norms[place](values, used)
                values = values.relu()
        return values


class Autoencoders(nn.Module):
    """Autoencoders of R runs, with a discriminator of codes if they are adversarial.

    The encoder ends linear, the decoder in a sigmoid, as in the source. The discriminator returns
    logits, to which the loss applies the sigmoid.

    Args:
        pixels: D.
        hidden: width of the hidden layers.
        latent: dimension of the codes.
        generators: one per run.
        adversarial: whether there is a discriminator, and batch normalization in the encoder.
    """

    def __init__(
        self,
        pixels: int,
        hidden: int,
        latent: int,
        generators: Sequence[Generator],
        *,
        adversarial: bool,
    ) -> None:
        super().__init__()
        self.encoder = Perceptron(
            (pixels, hidden, hidden, latent), generators, normalized=adversarial
        )
        self.decoder = Perceptron((latent, hidden, hidden, pixels), generators)
        self.discriminator = (
            Perceptron((latent, hidden, hidden, 1), generators) if adversarial else None
        )

    def decoded(self, codes: Tensor) -> Tensor:
        """Images (R, B, D) in [0, 1] of codes (R, B, latent)."""
        images: Tensor = self.decoder(codes).sigmoid()
        return images


def errors_of(images: Tensor, reconstructed: Tensor) -> Tensor:
    """Mean squared error per pixel of each example, (R, B), of (R, B, D)."""
    return ((images - reconstructed) ** 2).mean(-1)


def _uniform(shape: tuple[int, int], bound: float, generators: Sequence[Generator]) -> Tensor:
    return torch.stack(
        [torch.empty(shape).uniform_(-bound, bound, generator=each) for each in generators]
    )
