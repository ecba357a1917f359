"""Linear classifiers between activations of a concept and others: concept activation vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

SGD_ALPHA, SGD_ITERATIONS, SGD_TOLERANCE = 0.01, 1000, 1e-3
"""Settings of the classifier of the official code (``cav.py`` of tensorflow/tcav)."""

ITERATIONS, TOLERANCE = 1000, 1e-8
"""Maximum number of iterations of L-BFGS, and the largest derivative at which it ends."""

_TINY = 1e-300

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Directions:
    """Linear classifiers; an activation ``a`` counts as the concept if ``w @ a + b > 0``.

    Attributes:
        weights: float64 (k, d).
        biases: float64 (k,).
    """

    weights: Tensor
    biases: Tensor

    def __len__(self) -> int:
        """Their number."""
        return len(self.weights)

    @property
    def unit(self) -> Directions:
        """The same with weights of norm 1 and biases divided alike; zero weights stay zero."""
        norms = torch.linalg.vector_norm(self.weights, dim=1).clamp_min(_TINY)
        return Directions(self.weights / norms[:, None], self.biases / norms)

    def first(self) -> Directions:
        """The first one alone, of norm 1."""
        return Directions(self.weights[:1], self.biases[:1]).unit

    def averaged(self) -> Directions:
        """The mean of all, each of norm 1 before."""
        each = self.unit
        return Directions(each.weights.mean(0, keepdim=True), each.biases.mean(0, keepdim=True))

    @classmethod
    def joined(cls, parts: Sequence[Directions]) -> Directions:
        """Several, in order."""
        return cls(
            torch.cat([each.weights for each in parts]), torch.cat([each.biases for each in parts])
        )


def fit_sgd(concept: Tensor, negatives: Tensor, seed: int) -> Directions:
    """The classifier of the official code: a linear support vector machine by SGD.

    Args:
        concept: float64 (n, d), or (k, n, d) with other activations of the concept for each.
        negatives: float64 (k, m, d).
        seed: of the order of the activations.

    Returns:
        One classifier per set of negatives.
    """
    from sklearn.linear_model import SGDClassifier

    classifier = SGDClassifier(
        alpha=SGD_ALPHA, max_iter=SGD_ITERATIONS, tol=SGD_TOLERANCE, random_state=seed
    )
    sets, labels = _training(concept, negatives)
    points = []
    for each in sets.numpy():
        classifier.fit(each, labels.numpy())
        points.append(np.append(classifier.coef_[0], classifier.intercept_[0]))
    found = torch.from_numpy(np.array(points))
    return Directions(found[:, :-1].contiguous(), found[:, -1].contiguous())


def fit_logistic(concept: Tensor, negatives: Tensor, penalty: float) -> Directions:
    """Logistic regression: the minimum of the mean cross-entropy plus ``penalty * |w|^2``.

    Args:
        concept: float64 (n, d), or (k, n, d) with other activations of the concept for each.
        negatives: float64 (k, m, d).
        penalty: weight of the squared norm.

    Returns:
        One classifier per set of negatives.
    """
    return _minimize_each(concept, negatives, 0.0, penalty, start=None)


def fit_adversarial(
    concept: Tensor,
    negatives: Tensor,
    eps: float,
    *,
    penalty: float,
    away: bool = False,
) -> Directions:
    """Logistic regression on activations that are moved towards the boundary.

    An activation moves by ``eps * std * sign(gradient of its loss)``, with the deviation of all
    activations of the set. The gradient of the loss of a linear classifier is along its weights, so
    the loss of what is moved is ``softplus(eps * std * |w|_1 - margin)``. Its mean plus ``penalty *
    |w|^2`` is minimized, which is a convex problem. With ``eps`` 0 it is :func:`fit_logistic`.

    Args:
        concept: float64 (n, d), or (k, n, d) with other activations of the concept for each.
        negatives: float64 (k, m, d).
        eps: size of the move, in deviations.
        penalty: weight of the squared norm.
        away: move activations away from the boundary instead. That lowers the loss without better
            weights, and has local minima; the one that is reached from logistic regression is
            returned.

    Returns:
        One classifier per set of negatives.
    """
    plain = fit_logistic(concept, negatives, penalty)
    if eps == 0:
        return plain
    return _minimize_each(concept, negatives, -eps if away else eps, penalty, start=plain)


def _minimize_each(
    concept: Tensor, negatives: Tensor, eps: float, penalty: float, start: Directions | None
) -> Directions:
    """The minimum for each set of negatives, from a start or from zero; see :func:`_minimized`."""
    sets, labels = _training(concept, negatives)
    starts = np.zeros((len(sets), sets.shape[2] + 1))
    if start is not None:
        starts[:, :-1], starts[:, -1] = start.weights.numpy(), start.biases.numpy()
    # Its products of vectors are short: further threads only wait for each other.
    with threadpool_limits(1, user_api="blas"):
        found = [
            _minimized(each, labels.numpy(), eps, penalty, point)
            for each, point in zip(sets, starts, strict=True)
        ]
    points = torch.from_numpy(np.array(found))
    return Directions(points[:, :-1].contiguous(), points[:, -1].contiguous())


def _minimized(
    activations: Tensor, labels: Array, eps: float, penalty: float, start: Array
) -> Array:
    """Weights and bias (d + 1,) of the smallest loss of moved activations, by L-BFGS-B.

    The norm has no derivative where a weight is 0, as many are at the minimum: weights are
    differences of two non-negative parts, whose sum is the norm.

    Args:
        activations: float64 (n, d).
        labels: (n,), 1 or -1.
        eps: size of the move towards the boundary in deviations; negative away from it.
        penalty: weight of the squared norm.
        start: weights and bias.
    """
    from scipy.optimize import Bounds, minimize

    width = activations.shape[1]
    signed = activations * torch.from_numpy(labels)[:, None]
    reach = eps * float(activations.std(correction=0))

    def loss(weights: Array, bias: float, norm: float) -> tuple[float, Array, float, float]:
        """The loss, and its derivatives by weights, bias and norm."""
        # PyTorch's products keep to its number of threads, unlike those of NumPy.
        margins = (signed @ torch.from_numpy(weights)).numpy()
        slack = reach * norm - margins - labels * bias
        shares = _sigmoid(slack) / len(labels)
        value = float(np.logaddexp(0, slack).mean() + penalty * weights @ weights)
        pull = (torch.from_numpy(shares) @ signed).numpy()
        by_weights = 2 * penalty * weights - pull
        return value, by_weights, -float(shares @ labels), reach * float(shares.sum())

    def in_parts(point: Array) -> tuple[float, Array]:
        above, below, bias = point[:width], point[width:-1], float(point[-1])
        norm = float(above.sum() + below.sum())
        value, by_weights, by_bias, by_norm = loss(above - below, bias, norm)
        return value, np.concatenate([by_weights + by_norm, by_norm - by_weights, [by_bias]])

    def whole(point: Array) -> tuple[float, Array]:
        weights = point[:width]
        value, by_weights, by_bias, by_norm = loss(
            weights, float(point[-1]), float(np.abs(weights).sum())
        )
        return value, np.append(by_weights + by_norm * np.sign(weights), by_bias)

    options = {"maxiter": ITERATIONS, "maxfun": 2 * ITERATIONS, "ftol": 1e-12, "gtol": TOLERANCE}
    if eps <= 0:  # below 0 the norm is to be large, which its parts would be on their own
        return np.asarray(minimize(whole, start, jac=True, method="L-BFGS-B", options=options).x)
    weights = start[:width]
    parts = np.concatenate([weights.clip(0), (-weights).clip(0), start[-1:]])
    lowest = np.zeros(2 * width + 1)
    lowest[-1] = -np.inf
    found = minimize(
        in_parts, parts, jac=True, method="L-BFGS-B", bounds=Bounds(lowest), options=options
    ).x
    return np.append(found[:width] - found[width:-1], found[-1])


def _sigmoid(values: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(values))


def _training(concept: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    """Sets of activations (k, n + m, d), and the label 1 or -1 of each in a set, (n + m,)."""
    shared = concept.expand(len(negatives), -1, -1)
    labels = torch.ones(shared.shape[1] + negatives.shape[1], dtype=torch.float64)
    labels[shared.shape[1] :] = -1
    return torch.cat([shared, negatives], dim=1), labels
