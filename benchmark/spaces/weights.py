"""Balls around the weights, one a tensor, moved together as a single row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Generator, Tensor

from benchmark.spaces.space import Point, Space
from models_zoo.errors import InputError, unknown_name

Geometry = Literal["relative-l2", "relative-linf", "absolute-l2", "absolute-linf"]
GEOMETRIES: tuple[Geometry, ...] = (
    "relative-l2",
    "relative-linf",
    "absolute-l2",
    "absolute-linf",
)


class WeightBall(Space):
    """All weights within a radius of the given ones, tensor by tensor.

    With ``w`` a tensor and ``v`` its displacement:

    - ``relative-l2``: ``|v|_2 <= radius * |w|_2`` (Stutz et al. 2021; AWP, Wu et al. 2020);
    - ``relative-linf``: ``|v_j| <= radius * |w_j|`` for every entry ``j``;
    - ``absolute-l2``: ``|v|_2 <= radius``;
    - ``absolute-linf``: ``|v_j| <= radius``.

    The relative ones do not change when a ReLU layer is scaled up and the next one down.

    Args:
        weights: the tensors that may move, by parameter name.
        radius: at least 0.
        geometry: a name of :data:`GEOMETRIES`.

    Raises:
        InputError: an unknown geometry or a negative or infinite radius.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], radius: float, geometry: str = "relative-l2"
    ) -> None:
        if geometry not in GEOMETRIES:
            raise unknown_name("weight geometry", geometry, GEOMETRIES)
        if not 0 <= radius < float("inf"):
            raise InputError(f"radius must be a finite number of at least 0, got {radius}")
        self.weights, self.radius, self.geometry = dict(weights), float(radius), geometry
        self._l2 = geometry.endswith("l2")
        self._bounds = {name: self._bound(w) for name, w in self.weights.items()}

    def _bound(self, weight: Tensor) -> Tensor:
        if self.geometry.startswith("absolute"):
            return torch.full_like(weight[(0,) * weight.ndim], self.radius)
        return self.radius * (torch.linalg.vector_norm(weight) if self._l2 else weight.abs())

    @property
    def rows(self) -> int:
        """One: a weight perturbation is shared by all examples."""
        return 1

    @property
    def origin(self) -> Point:
        """The unperturbed weights."""
        return dict(self.weights)

    def sphere(self, generator: Generator) -> Point:
        """A random direction a tensor, at full radius (Stutz et al. 2021, average case)."""
        if not self._l2:
            return self._add(
                {n: self._draw(w, generator).sign() * self._bounds[n] for n, w in self._items()}
            )
        return self._add({n: self._to_bound(self._draw(w, generator), n) for n, w in self._items()})

    def sample(self, generator: Generator) -> Point:
        """Uniform in direction and in norm (l2, not in volume), or in the box (linf)."""
        if not self._l2:
            return self._add(
                {
                    n: (2 * torch.rand(w.shape, generator=generator) - 1).to(w) * self._bounds[n]
                    for n, w in self._items()
                }
            )
        return self._add(
            {
                n: self._to_bound(self._draw(w, generator), n)
                * torch.rand((), generator=generator).to(w)
                for n, w in self._items()
            }
        )

    def project(self, point: Point) -> Point:
        """Tensor by tensor: shrink to the radius (l2) or clamp entry by entry (linf)."""
        moved = {}
        for name, weight in self._items():
            displacement, bound = point[name] - weight, self._bounds[name]
            if self._l2:
                length = torch.linalg.vector_norm(displacement)
                displacement = displacement * _ratio(bound, length).clamp_max(1)
            else:
                displacement = torch.maximum(torch.minimum(displacement, bound), -bound)
            moved[name] = weight + displacement
        return moved

    def steepest(self, gradient: Point, at: Point | None = None) -> Point:
        """Each tensor's gradient at full radius (l2) or its sign times the bound (linf)."""
        if self._l2:
            return {name: self._to_bound(gradient[name], name) for name in self.weights}
        return {name: gradient[name].sign() * bound for name, bound in self._bounds.items()}

    def excess(self, point: Point) -> Tensor:
        """The worst tensor's distance beyond its bound, as a share of its size or of the bound.

        The larger of the two counts: rounding grows with both, and a bias that is still zero has
        no size of its own in an absolute ball.
        """
        worst = torch.tensor(-float("inf"), dtype=torch.float64)
        for name, weight in self._items():
            w, moved = weight.double().cpu(), point[name].double().cpu()
            bound = self._bounds[name].double().cpu()
            if self._l2:
                over = torch.linalg.vector_norm(moved - w) - bound
                size = torch.linalg.vector_norm(w)
            else:
                over, size = ((moved - w).abs() - bound).amax(), w.abs().amax()
            scale = torch.maximum(size, bound.amax()).clamp_min(1e-12)
            worst = torch.maximum(worst, over / scale)
        return worst.view(1)

    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """(1,) to a scalar."""
        return per_row.squeeze()

    def take(self, rows: Tensor) -> WeightBall:
        """The ball itself: its one row is all there is."""
        return self

    def pick(self, point: Point, rows: Tensor) -> Point:
        """The point itself: its one row is all there is."""
        return point

    def _items(self) -> list[tuple[str, Tensor]]:
        return list(self.weights.items())

    def _add(self, displacement: Point) -> Point:
        return {name: weight + displacement[name] for name, weight in self._items()}

    def _to_bound(self, direction: Tensor, name: str) -> Tensor:
        return direction * _ratio(self._bounds[name], torch.linalg.vector_norm(direction))

    @staticmethod
    def _draw(weight: Tensor, generator: Generator) -> Tensor:
        return torch.randn(weight.shape, generator=generator).to(weight)


def _ratio(bound: Tensor, length: Tensor) -> Tensor:
    """``bound / length``, and 0 for a zero length: a zero gradient or bias must not give NaN."""
    return torch.where(length > 0, bound / length.clamp_min(torch.finfo(length.dtype).tiny), 0)
