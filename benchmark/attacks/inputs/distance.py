"""Minimal distance: how far each image must go before the model is wrong.

One run answers for every budget. A walk along the decision boundary (FAB, Croce & Hein 2020) gives
an upper bound for each example; climbs inside a ball that is a little smaller look for something
nearer, each example in a ball of its own, until a round of searches finds nothing. What is reported
is the length of an image that was found, so it is proven; that nothing lies nearer is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark.attacks.inputs.boundary import Boundary
from benchmark.attacks.inputs.climbing import Climb
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.overshoot import Overshoot
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.inputs.squares import Squares
from benchmark.attacks.inputs.targets import find_targets
from benchmark.attacks.inputs.tournament import Round, Tournament
from benchmark.attacks.verification import margins
from benchmark.spaces import InputBall
from benchmark.spaces.inputs import NORMS, lengths
from benchmark.spaces.inside import SLACK, TOLERANCE
from benchmark.subject import Subject
from models_zoo.errors import InputError, shown, unknown_name

PRECISION = 0.01

FIRST, SHORTEN = Boundary(20), Boundary(15)
"""The walk from the clean image, and the one from each image found later."""

GROW: tuple[Search, ...] = (Climb("probability margin", 10), Squares(100))
"""Where the first walk crosses nothing, in balls that grow."""

GROWTHS = 10
"""Doublings of the growing ball up to the largest."""

ROUGH: tuple[Search, ...] = (Climb("probability margin", 10), Squares(100, masked_only=True))
FINE: tuple[Search, ...] = (
    Overshoot((1.5, 2.5), out=6, back=15, above=0.0, share=1.0),
    Tournament((Round(9, 0.3, 2, out=2), Round(4, 0.5, 8, out=5), Round(2, 0.85, 25))),
    Squares(100, masked_only=True),
)
"""Searches in the smaller ball: cheap ones while they pay, then those that decide. Neither looks at
how many other examples there are, so an example's distance is its own."""

SURE = 1e-5
"""An image counts as misclassified where its margin is above this share of its largest logit, so
that it still is in a batch of another size."""

STRETCHES = (1.0, 1.0005, 1.002)
"""Lengthenings of an image that is too near the boundary for that."""

LEAST = 1e-6
"""Distances, in input units, are not refined beyond this."""


@dataclass(frozen=True)
class Distances:
    """What :func:`find_distances` found, verified.

    Attributes:
        images: (N, C, H, W), the nearest misclassified image of each example; the clean image where
            that is misclassified itself, or where none was found.
        distances: float64 (N,), the length of its displacement; 0 where the clean image is
            misclassified, infinite where no image was found up to the largest radius.
        largest: that radius.
    """

    images: Tensor
    distances: Tensor
    largest: float

    def robust(self, eps: float) -> Tensor:
        """Bool (N,): not known to fall at this budget."""
        return self.distances > eps


def find_distances(
    subject: Subject, norm: str, *, largest: float | None = None, precision: float = PRECISION
) -> Distances:
    """The nearest misclassified image of every example.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        largest: radius up to which to look, in input units; by default the whole box.
        precision: refine until the searches find nothing within ``(1 - precision)`` of the
            distance.

    Raises:
        InputError: an unknown norm, a radius of 0 or less, or a precision outside (0, 0.5].
    """
    if norm not in NORMS:
        raise unknown_name("norm", norm, NORMS)
    if not isinstance(precision, int | float) or not 0 < precision <= 0.5:
        raise InputError(f"precision must lie above 0 and at most at 0.5, got {shown(precision)}")
    size = float(subject.images[0].numel())
    box = {"linf": 1.0, "l2": size**0.5, "l1": size}[norm]
    limit = box if largest is None else largest
    if not 0 < limit < float("inf"):
        raise InputError(f"the largest radius must be a finite number above 0, got {limit:g}")
    hunt = _Hunt(subject, norm, box, min(limit, box), precision)
    hunt.begin()
    subject.progress(f"{norm} distances: first found")
    for name, searches in (("rough", ROUGH), ("fine", FINE)):
        hunt.approach(name, searches)
        subject.progress(f"{norm} distances, {name}: median {hunt.upper.median():.4g}")
    within = hunt.upper <= hunt.largest
    return Distances(
        torch.where(within.view(-1, 1, 1, 1), hunt.images, subject.images),
        torch.where(within, hunt.upper, torch.inf),
        hunt.largest,
    )


@dataclass
class _Hunt:
    """The nearest images so far, and how near to look next.

    Attributes:
        box: the radius of a ball that holds every image.
        largest: radius from which on finds only serve to find nearer ones.
        images: (N, C, H, W).
        upper: float64 (N,), their distances.
        lower: float64 (N,), radii below which it does not pay to look: a search found nothing
            there, or the last find was only a little further away.
        targets: int64 (N, K), classes to aim at; empty until they are needed.
        promise: (N, K), how near they are, see :class:`Field`.
        masked: whether several examples fell to a search without gradients first.
    """

    subject: Subject
    norm: str
    box: float
    largest: float
    precision: float
    masked: bool = False
    images: Tensor = field(init=False)
    upper: Tensor = field(init=False)
    lower: Tensor = field(init=False)
    targets: Tensor = field(init=False)
    promise: Tensor = field(init=False)

    def __post_init__(self) -> None:
        correct = self.subject.correct()
        self.images = self.subject.images.clone()
        far = torch.full(correct.shape, torch.inf, dtype=torch.float64, device=correct.device)
        self.upper = torch.where(correct, far, 0.0)
        self.lower = torch.zeros_like(self.upper)
        self.promise = torch.zeros(len(correct), 0, device=correct.device)
        self.targets = self.promise.long()

    def begin(self) -> None:
        """An image for every example that has one: by a walk, else in growing balls."""
        self._walk(FIRST, self.upper.isinf().nonzero().squeeze(1))
        for doubling in range(-GROWTHS, 1):
            rows = self.upper.isinf().nonzero().squeeze(1)
            radii = torch.full_like(self.upper, self.largest * 2.0**doubling)
            if len(rows):
                self._search(GROW, rows, radii, f"grow {doubling}")

    def approach(self, name: str, searches: Sequence[Search]) -> None:
        """Search between the bounds of each example, just below its last find at first.

        Where that find lies beyond the largest radius, search there once.

        Args:
            name: of this phase, for its draws.
            searches: run in order on what stands.
        """
        self.lower = torch.minimum(self.lower, (1 - 2 * self.precision) * self.upper)
        self.lower[self.upper > self.largest] = 0
        # A find may be measured a little beyond the ball, and must still be within the largest.
        slack = 0.0 if self.norm == "linf" else 1.1 * SLACK[self.norm] * self.largest
        room = max(TOLERANCE, slack)
        limit = self.largest - min(room, self.largest / 10)
        rows, number = self._open(), 0
        if len(rows) and any(isinstance(search, Tournament) for search in searches):
            self._aim(rows)
        while len(rows):
            middle = (self.lower + self.upper) / 2
            radii = torch.where(self.upper > self.largest, limit, middle)
            self._search(searches, rows, radii, f"{name} {number}")
            self.lower[(self.upper > self.largest) & (self.lower > 0)] = self.largest
            rows, number = self._open(), number + 1

    def _open(self) -> Tensor:
        """Examples whose bounds are further apart than the precision, by index."""
        enough = (self.precision * self.upper).clamp_min(LEAST) * (1 + 1e-6)
        apart = (self.upper - self.lower > enough) | self.upper.isinf()
        return (apart & (self.lower < self.largest)).nonzero().squeeze(1)

    def _search(
        self, searches: Sequence[Search], rows: Tensor, radii: Tensor, purpose: str
    ) -> None:
        """Search some examples in balls of their own, walk on from the finds, update the bounds."""
        before, state = self.upper.clone(), self._field(rows, radii)
        for number, search in enumerate(searches):
            if not state.standing.any():
                break
            seed = self.subject.generator("distance", self.norm, purpose, number)
            state.seed = seed.initial_seed()
            fell = search(state).fell
            self._accept(rows[fell], state.images[fell])
            self.masked |= isinstance(search, Squares) and int(fell.sum()) > 1
        nearer = self.upper[rows] < before[rows]
        self._walk(SHORTEN, rows[nearer])
        self.lower[rows[~nearer]] = radii[rows[~nearer]]
        below = (1 - 2 * self.precision) * self.upper
        close = nearer & (self.lower[rows] > below[rows])
        self.lower[rows[close]] = below[rows[close]]

    def _walk(self, walk: Boundary, rows: Tensor) -> None:
        """Walk along the boundary from where some examples have come."""
        if len(rows):
            state = self._field(rows, self.upper)
            state.nearest = self.images[rows]
            fell = walk(state).fell
            self._accept(rows[fell], state.images[fell])

    def _aim(self, rows: Tensor) -> None:
        """Give examples the classes nearest to them."""
        state = self._field(rows, self.upper)
        find_targets(state)
        shape = (len(self.upper), state.targets.shape[1])
        self.targets, self.promise = state.targets.new_zeros(shape), state.promise.new_zeros(shape)
        self.targets[rows], self.promise[rows] = state.targets, state.promise

    def _field(self, rows: Tensor, radii: Tensor) -> Field:
        """Some examples in balls of their own radii."""
        some = self.subject.take(rows)
        state = Field.of(some, InputBall(some.images, self.norm, radii[rows].clamp(max=self.box)))
        state.rows, state.masked = rows, self.masked
        state.targets, state.promise = self.targets[rows], self.promise[rows]
        return state

    def _accept(self, rows: Tensor, images: Tensor) -> None:
        """Measure and classify finds once more, on their own, and keep those that are nearer."""
        for stretch in STRETCHES:
            if not len(rows):
                break
            some = self.subject.take(rows)
            moved = (some.images + stretch * (images - some.images)).clamp(0, 1)
            logits = some.logits(moved)
            sure = margins(logits, some.labels) > SURE * logits.abs().amax(1)
            length = lengths(moved.double() - some.images.double(), self.norm)
            keep = sure & (length < self.upper[rows])
            self.images[rows[keep]], self.upper[rows[keep]] = moved[keep], length[keep]
            rows, images = rows[~sure], images[~sure]
