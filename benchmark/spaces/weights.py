"""Balls around the weights, which are perturbed together as a single row.

A ball bounds the length of the displacement's *blocks*: its single entries, the filters of a
tensor, whole tensors, or all tensors together. Geometries differ in the blocks and in the bound on
their length; every operation follows from these two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, get_args

import torch
from torch import Generator, Tensor

from benchmark.spaces.space import Point, Space
from models_zoo.errors import InputError, unknown_name

Geometry = Literal[
    "relative-l2", "filter-l2", "network-l2", "relative-linf", "absolute-l2", "absolute-linf"
]
GEOMETRIES: tuple[Geometry, ...] = get_args(Geometry)

Block = Literal["entry", "filter", "tensor", "network"]
BLOCKS: dict[str, Block] = {
    "relative-l2": "tensor",
    "filter-l2": "filter",
    "network-l2": "network",
    "relative-linf": "entry",
    "absolute-l2": "tensor",
    "absolute-linf": "entry",
}
"""The blocks of each geometry."""

ABSOLUTE = frozenset({"absolute-l2", "absolute-linf"})
"""The geometries whose radius is a length; that of others is a share of a block's own length."""


RELATIVE_SLACK, RELATIVE_SPACING = 5e-7, 2.0**-23
"""Tolerance of a block's bound: eight times the unit roundoff relative to the bound, and twice
relative to the block's weights, since ``w + v`` is stored and not ``v``."""


class WeightBall(Space):
    """All weights within a radius of the given ones, block by block.

    With ``w`` the weights and ``v`` their displacement:

    - ``relative-l2``: ``|v|_2 <= radius * |w|_2`` for every tensor (Stutz et al. 2021; AWP, Wu et
      al. 2020);
    - ``filter-l2``: the same for every filter, which is a tensor's slice along its first dimension
      (an output channel of a convolution, a row of a matrix); a tensor of at most one dimension is
      one filter (normalization of Li et al. 2018);
    - ``network-l2``: the same for all tensors joined into one vector;
    - ``relative-linf``: ``|v_j| <= radius * |w_j|`` for every entry ``j``;
    - ``absolute-l2``: ``|v|_2 <= radius`` for every tensor;
    - ``absolute-linf``: ``|v_j| <= radius`` for every entry ``j``.

    Multiplying a ReLU layer and dividing the next one does not change the function. The balls
    ``relative-l2``, ``filter-l2`` and ``relative-linf`` are invariant to it. The absolute balls are
    not, and neither is ``network-l2``, where small layers may be perturbed by the norm of large
    ones.

    With a ``support``, the other entries of its tensors stay as they are: a block consists of its
    entries that may move, and a relative radius is a share of their length.

    Args:
        weights: the tensors that may be perturbed, by parameter name.
        radius: at least 0.
        geometry: a name of :data:`GEOMETRIES`.
        support: which entries of a tensor may move, bool of a shape that broadcasts to it, by its
            name; all entries of tensors that are missing.

    Raises:
        InputError: an unknown geometry or a negative or infinite radius.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        radius: float,
        geometry: str = "relative-l2",
        support: Mapping[str, Tensor] | None = None,
    ) -> None:
        if geometry not in BLOCKS:
            raise unknown_name("weight geometry", geometry, GEOMETRIES)
        if not 0 <= radius < float("inf"):
            raise InputError(f"radius must be a finite number of at least 0, got {radius}")
        self.weights, self.radius, self.geometry = dict(weights), float(radius), geometry
        self.support = {name: mask for name, mask in (support or {}).items() if name in weights}
        self._block = BLOCKS[geometry]
        sizes = self._lengths(self._supported(self.weights))
        self._bounds = {
            name: torch.full_like(size, self.radius) if geometry in ABSOLUTE else self.radius * size
            for name, size in sizes.items()
        }
        if self._block == "entry":
            self._bounds = self._supported(self._bounds)

    @property
    def rows(self) -> int:
        """One: a weight perturbation is shared by all examples."""
        return 1

    @property
    def origin(self) -> Point:
        """The unperturbed weights."""
        return dict(self.weights)

    def sphere(self, generator: Generator) -> Point:
        """A random direction per block, at full radius (Stutz et al. 2021, average case)."""
        return self._add(self._to_bound(self._draw(generator)))

    def sample(self, generator: Generator) -> Point:
        """Uniform in direction and norm per block (not in volume); for linf uniform in the box."""
        moved = self._to_bound(self._draw(generator))
        share = torch.rand((), generator=generator)
        for name, bound in self._bounds.items():
            if self._block != "network":
                share = torch.rand(bound.shape, generator=generator)
            moved[name] = moved[name] * share.to(bound)
        return self._add(moved)

    def project(self, point: Point) -> Point:
        """Shorten blocks that are too long to their bound: the nearest point of the ball."""
        displacement = self._supported(
            {name: point[name] - weight for name, weight in self.weights.items()}
        )
        joint = self._joint_length(displacement)
        for name, moved in displacement.items():
            length = self._length(moved) if joint is None else joint
            moved *= _ratio(self._bounds[name], length).clamp_(max=1)
            moved += self.weights[name]
        return displacement

    def steepest(self, gradient: Point, at: Point | None = None) -> Point:
        """The gradient with each block scaled to its bound; for blocks of one entry its sign."""
        return self._to_bound(self._supported({name: gradient[name] for name in self.weights}))

    def excess(self, point: Point) -> Tensor:
        """The worst block's distance beyond its bound, as a share of its size or of the bound.

        The larger of the two is used: rounding errors increase with both, and a zero bias in an
        absolute ball has no size of its own.
        """
        worst = torch.tensor(-float("inf"), dtype=torch.float64)
        for length, bound, size in self._measured(point):
            beyond = (length - bound) / torch.maximum(size, bound).clamp_min(1e-12)
            worst = torch.maximum(worst, beyond.amax())
        return worst.view(1)

    def contains(self, point: Point) -> bool:
        """Whether no block is longer than its bound, up to rounding.

        The tolerance is :data:`RELATIVE_SLACK` times the bound, for the projection, plus
        :data:`RELATIVE_SPACING` times the length of the block's weights, because float32 cannot
        represent smaller displacements there. Entries outside the support have no tolerance.
        """
        return self._fixed_elsewhere(point) and all(
            bool((length <= (1 + RELATIVE_SLACK) * bound + RELATIVE_SPACING * size).all())
            for length, bound, size in self._measured(point)
        )

    def _fixed_elsewhere(self, point: Point) -> bool:
        """Whether the entries outside the support are those of the weights."""
        return not any(
            bool(((point[name] != self.weights[name]) & ~mask).any())
            for name, mask in self.support.items()
        )

    def _supported(self, point: Mapping[str, Tensor]) -> Point:
        """The same with zeros outside the support."""
        return {
            name: torch.where(self.support[name], tensor, 0) if name in self.support else tensor
            for name, tensor in point.items()
        }

    def _measured(self, point: Point) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Length, bound and size of the blocks, in float64, tensor by tensor."""
        lengths, sizes = [], []
        for name, weight in self.weights.items():
            own = weight.double().cpu()
            moved = point[name].double().cpu() - own
            if name in self.support:
                mask = self.support[name].cpu()
                own, moved = torch.where(mask, own, 0), torch.where(mask, moved, 0)
            length, size = self._length(moved), self._length(own)
            if self._block == "network":
                lengths.append(length)
                sizes.append(size)
            else:
                yield length, self._bounds[name].double().cpu(), size
        if lengths:
            length, size = (
                torch.linalg.vector_norm(torch.stack(each)) for each in (lengths, sizes)
            )
            yield length, next(iter(self._bounds.values())).double().cpu(), size

    def spread(self, per_row: Tensor, name: str) -> Tensor:
        """(1,) to a scalar."""
        return per_row.squeeze()

    def take(self, rows: Tensor) -> WeightBall:
        """The ball itself: its one row is all there is."""
        return self

    def pick(self, point: Point, rows: Tensor) -> Point:
        """The point itself: its one row is all there is."""
        return point

    def where(self, mask: Tensor, chosen: Point, other: Point) -> Point:
        """One of the two, without a copy: there is one row."""
        return chosen if bool(mask) else other

    def _lengths(self, point: Mapping[str, Tensor]) -> Point:
        """The length of every block, shaped to broadcast against the block's tensor."""
        joint = self._joint_length(point)
        if joint is not None:
            return dict.fromkeys(point, joint)
        return {name: self._length(tensor) for name, tensor in point.items()}

    def _joint_length(self, point: Mapping[str, Tensor]) -> Tensor | None:
        """The length of all tensors together, if they are one block."""
        if self._block != "network":
            return None
        parts = [self._length(tensor) for tensor in point.values()]
        length: Tensor = torch.linalg.vector_norm(torch.stack(parts))
        return length

    def _length(self, tensor: Tensor) -> Tensor:
        """The length of a tensor's blocks, summed in float64: there are millions of squares."""
        if self._block == "entry":
            return tensor.abs()
        each_filter = self._block == "filter" and tensor.ndim > 1
        dims = tuple(range(1, tensor.ndim)) if each_filter else None
        length: Tensor = torch.linalg.vector_norm(
            tensor, dim=dims, keepdim=each_filter, dtype=torch.float64
        )
        return length.to(tensor.dtype)

    def _to_bound(self, direction: Point) -> Point:
        """Every block scaled to its bound; blocks of length zero are unchanged."""
        if self._block == "entry":
            return {name: direction[name].sign() * bound for name, bound in self._bounds.items()}
        lengths = self._lengths(direction)
        return {
            name: direction[name] * _ratio(bound, lengths[name])
            for name, bound in self._bounds.items()
        }

    def _add(self, displacement: Point) -> Point:
        return {name: weight + displacement[name] for name, weight in self.weights.items()}

    def _draw(self, generator: Generator) -> Point:
        drawn = {
            name: torch.randn(weight.shape, generator=generator).to(weight)
            for name, weight in self.weights.items()
        }
        return self._supported(drawn)


def _ratio(bound: Tensor, length: Tensor) -> Tensor:
    """``bound / length``, and 0 for a zero length: a zero gradient or bias must not give NaN."""
    return torch.where(length > 0, bound / length.clamp_min(torch.finfo(length.dtype).tiny), 0)
