"""Curvature of the clean loss in the weights: extreme eigenvalues and trace of its Hessian.

Sources: Stutz et al. 2021 (code; both ends of the spectrum, tensors of two or more dimensions),
Yao et al. 2020 (PyHessian; Hutchinson's trace). The loss is the mean over examples; the code of
Stutz et al. sums the means of batches.

The Hessian depends on the scale of the weights. The *relative* one is that of the loss as a
function of perturbations in units of each tensor's norm: with ``D`` multiplying every tensor by its
norm, ``D H D``. It does not change when a ReLU layer is scaled up and the next one down, and it is
the curvature within relative weight balls.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.measures.second_order import hessian_product
from benchmark.spaces import Point
from benchmark.subject import Subject

MAX_RELATIVE_RESIDUAL = 1e-3
"""Residual of the extreme eigenvalues, as a share of the largest, at which Lanczos stops."""


@dataclass(frozen=True)
class Spectrum:
    """Both ends of a symmetric matrix's spectrum, as estimated by Lanczos.

    Attributes:
        largest: the largest Ritz value, never above the largest eigenvalue but for rounding.
        smallest: the smallest Ritz value, never below the smallest eigenvalue.
        residual: upper bound on the distance of each of the two from an eigenvalue.
        steps: number of products with the matrix.
    """

    largest: float
    smallest: float
    residual: float
    steps: int


class Hessian:
    """Hessian of the mean clean cross-entropy in the kernels: tensors of two or more dimensions.

    Args:
        subject: model and examples.
        relative: whether it is multiplied by each tensor's norm on both sides.

    Raises:
        InputError: the model has no kernels.
    """

    def __init__(self, subject: Subject, *, relative: bool = False) -> None:
        self.subject, self.relative = subject, relative
        self.weights = subject.weights_that_move("kernels")
        self.scales = {
            name: torch.linalg.vector_norm(w) if relative else torch.ones_like(w[(0,) * w.ndim])
            for name, w in self.weights.items()
        }

    def times(self, vector: Tensor) -> Tensor:
        """Its product with a flat vector (P,), tensors in the order of :attr:`weights`."""
        scaled = {name: part * self.scales[name] for name, part in self._split(vector).items()}
        product = hessian_product(self.subject, self.weights, scaled)
        return torch.cat([(each * self.scales[n]).flatten() for n, each in product.items()])

    def spectrum(self, steps: int) -> Spectrum:
        """Both ends of its spectrum, by Lanczos from a random start.

        Args:
            steps: maximum number of products.
        """
        generator = self.subject.generator("flatness", "lanczos")
        start = {
            name: torch.randn(w.shape, generator=generator).to(w)
            for name, w in self.weights.items()
        }
        return lanczos(self, torch.cat([part.flatten() for part in start.values()]), steps)

    def traces(self, draws: int) -> Tensor:
        """Estimates (draws,) of the trace, each unbiased, by Hutchinson with Rademacher vectors.

        For the relative Hessian every tensor counts with its mean over entries in place of the sum:
        ``sum_i |w_i|^2 / n_i * Tr(H_ii)`` with ``n_i`` entries. That is the mean of ``v' H v`` over
        directions drawn as in average-case flatness, with radius 1.

        Args:
            draws: number of random vectors.
        """
        generator = self.subject.generator("flatness", "hutchinson")
        found = []
        for draw in range(draws):
            parts = []
            for w in self.weights.values():
                signs = 2.0 * torch.randint(2, w.shape, generator=generator).to(w) - 1
                parts.append((signs / w.numel() ** 0.5 if self.relative else signs).flatten())
            vector = torch.cat(parts)
            found.append(vector.double() @ self.times(vector).double())
            self.subject.progress(f"trace of the Hessian, draw {draw + 1}")
        return torch.stack(found)

    def _split(self, vector: Tensor) -> Point:
        sizes = [w.numel() for w in self.weights.values()]
        parts = torch.split(vector, sizes)
        return {
            name: part.view_as(w)
            for (name, w), part in zip(self.weights.items(), parts, strict=True)
        }


def lanczos(matrix: Hessian, start: Tensor, steps: int) -> Spectrum:
    """Extreme eigenvalues by the three-term recurrence, without storing its vectors.

    It needs memory for three vectors, whatever the number of steps; without reorthogonalization
    converged eigenvalues appear again as copies, which changes neither end (Paige 1972).

    Args:
        matrix: symmetric, P x P.
        start: (P,), not zero.
        steps: maximum number of products.
    """
    vector, previous = start / torch.linalg.vector_norm(start), torch.zeros_like(start)
    diagonal: list[float] = []
    beside: list[float] = []
    values, residual = torch.zeros(1, dtype=torch.float64), 0.0
    for step in range(min(steps, len(start))):
        moved = matrix.times(vector) - (beside[-1] if beside else 0.0) * previous
        diagonal.append(float(vector @ moved))
        moved = moved - diagonal[-1] * vector
        length = float(torch.linalg.vector_norm(moved))
        values, vectors = torch.linalg.eigh(_tridiagonal(diagonal, beside))
        size = float(values.abs().amax())
        residual = length * float(torch.maximum(vectors[-1, 0].abs(), vectors[-1, -1].abs()))
        matrix.subject.progress(f"Lanczos, step {step + 1}: {float(values[-1]):.4g}")
        if residual <= MAX_RELATIVE_RESIDUAL * size:
            break
        beside.append(length)
        previous, vector = vector, moved / length
    return Spectrum(float(values[-1]), float(values[0]), residual, len(diagonal))


def _tridiagonal(diagonal: list[float], beside: list[float]) -> Tensor:
    """The symmetric tridiagonal matrix, float64."""
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    if beside:
        off = torch.tensor(beside, dtype=torch.float64)
        matrix = matrix + torch.diag(off, 1) + torch.diag(off, -1)
    return matrix
