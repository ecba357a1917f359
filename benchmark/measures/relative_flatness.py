"""Relative flatness of the penultimate layer's features, in closed form.

Source: Petzka, Kamp, Adilova, Sminchisescu, Boley 2021, "Relative flatness and generalization",
NeurIPS; definitions from the authors' public code, which differentiates twice.

With features ``x`` (d,), a linear layer ``z = W x + b`` with rows ``w_s`` and the cross-entropy of
``p = softmax(z)``, the second derivative by rows s and s' is

    H_ss' = mean over n of (p_s [s = s'] - p_s p_s') x x',

so that neither labels nor a backward pass are needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmark.subject import Subject

MIN_RELATIVE_DEVIATION = 1e-6
"""Relative deviation below which a feature counts as constant."""


@dataclass(frozen=True)
class LastLayer:
    """A linear layer whose outputs are the logits.

    Attributes:
        weight: (K, d).
        features: its inputs (N, d).
        logits: its outputs (N, K), and not their softmax: probabilities of a confident model
            underflow, and no temperature brings them back.
    """

    weight: Tensor
    features: Tensor
    logits: Tensor

    @property
    def probabilities(self) -> Tensor:
        """Softmax of the outputs, (N, K)."""
        return self.logits.softmax(1)

    def at_temperature(self, temperature: float) -> LastLayer:
        """The layer with its weights, and so its logits, divided by a temperature."""
        return LastLayer(self.weight / temperature, self.features, self.logits / temperature)

    def normalized(self) -> LastLayer:
        """The same function with every feature scaled to unit deviation over the examples.

        The weights are multiplied by the deviations. This makes the measure comparable between
        networks, and invariant to the scale of single units before the layer. A constant feature
        acts as a bias and is removed.
        """
        deviation = self.features.std(0, correction=0)
        rounding = MIN_RELATIVE_DEVIATION * self.features.abs().amax(0)
        deviation = torch.where(deviation > rounding, deviation, 0.0)
        inverse = torch.where(deviation > 0, 1 / deviation, 0.0)
        return LastLayer(self.weight * deviation, self.features * inverse, self.logits)

    def trace(self) -> float:
        """``kappa_Tr = sum over s, s' of <w_s, w_s'> Tr(H_ss')``.

        That equals the mean over examples of ``|x|^2`` times the variance of the rows of W under p,
        ``sum_s p_s |w_s|^2 - |sum_s p_s w_s|^2``.
        """
        probabilities = self.probabilities
        expected = probabilities @ self.weight
        squares = probabilities @ self.weight.square().sum(1)
        variance = squares - expected.square().sum(1)
        return float((self.features.square().sum(1) * variance).mean())

    def largest(self) -> float:
        """``kappa_max = sum over s of |w_s|^2 lambda_max(H_ss)``.

        ``H_ss`` is ``A'A`` with rows ``sqrt(p_s (1 - p_s) / N) x``, and ``AA'`` (N x N) has the
        same largest eigenvalue.
        """
        products = self.features @ self.features.T / len(self.features)
        probabilities = self.probabilities
        roots = (probabilities * (1 - probabilities)).clamp_min(0).sqrt()
        total = 0.0
        for row, root in zip(self.weight, roots.T, strict=True):
            top = torch.linalg.eigvalsh(root[:, None] * products * root)[-1]
            total += float(row.square().sum() * top.clamp_min(0))
        return total


def last_layer(subject: Subject) -> LastLayer | None:
    """The linear layer that ends the model, with its features on the examples, in float64.

    Args:
        subject: model and examples.

    Returns:
        The layer; ``None`` if the logits are not the output of an ``nn.Linear``.
    """
    weight, features, logits = torch.empty(0), [], []
    with torch.no_grad(), _watched(subject.model) as calls:
        for batch in subject.batches():
            calls.clear()
            answer = subject.forward(subject.images[batch])
            if not calls or calls[-1].inputs.ndim != 2 or calls[-1].outputs is not answer:
                return None
            features.append(calls[-1].inputs)
            logits.append(answer)
            weight = calls[-1].weight
    return LastLayer(
        weight.double(),
        torch.cat(features).double(),
        torch.cat(logits).double(),
    )


@dataclass(frozen=True)
class _Call:
    weight: Tensor
    inputs: Tensor
    outputs: Tensor


@contextmanager
def _watched(model: nn.Module) -> Iterator[list[_Call]]:
    """Record the last call of a linear layer of the model inside the context."""
    calls: list[_Call] = []

    def record(layer: nn.Module, inputs: tuple[Tensor, ...], outputs: Tensor) -> None:
        if isinstance(layer, nn.Linear):
            calls[:] = [_Call(layer.weight.detach(), inputs[0], outputs)]

    handles = [
        module.register_forward_hook(record)
        for module in model.modules()
        if isinstance(module, nn.Linear)
    ]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()
