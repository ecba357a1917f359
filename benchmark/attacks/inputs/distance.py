"""Minimal distance: the smallest perturbation found that changes the class, per example.

A walk along the decision boundary (FAB) gives an upper bound ``u`` per example. Searches in the
ball of radius ``(1 - precision) u``, each example in a ball of its own, look for something nearer
until they find nothing. What is reported is the length of an image that was found, so it is proven
to be an upper bound; that nothing lies nearer is not proven.

Sources: FAB, Croce & Hein 2020; the searches are those of the input attack.

Hyper-parameters: ``precision``, and the searches and constants below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark.attacks.inputs.apgd_search import APGD
from benchmark.attacks.inputs.cascade import Scheduler
from benchmark.attacks.inputs.fab import FAB
from benchmark.attacks.inputs.larger_ball import LargerBallRestarts
from benchmark.attacks.inputs.search import Search
from benchmark.attacks.inputs.square_attack import SquareAttack
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.inputs.targeted_apgd import EliminationRound, TargetedAPGD
from benchmark.attacks.inputs.targets import ranked_targets
from benchmark.attacks.verification import margins
from benchmark.spaces import InputBall
from benchmark.spaces.inputs import NORMS, lengths
from benchmark.spaces.inside import MAX_LINF_SLACK, RELATIVE_SLACK
from benchmark.subject import Subject
from models_zoo.errors import InputError, shown, unknown_name

PRECISION = 0.01
"""Default relative precision of a distance."""

FIRST_WALK, LATER_WALK = FAB(steps=20), FAB(steps=15)
"""The walk from the clean image, and the one from each image found later."""

GROWING_BALL_SEARCHES: tuple[Search, ...] = (
    APGD("probability margin", steps=10),
    SquareAttack(queries=100),
)
"""Searches in growing balls, for examples where the first walk does not cross the boundary."""

N_DOUBLINGS = 10
"""Number of doublings of the growing ball up to the largest."""

ROUGH_SEARCHES: tuple[Search, ...] = (
    APGD("probability margin", steps=10),
    SquareAttack(queries=100, only_if_masked=True),
)
"""Cheap searches, which are repeated first, until they find nothing nearer."""

FINE_SEARCHES: tuple[Search, ...] = (
    LargerBallRestarts((1.5, 2.5), steps_outside=6, steps_inside=15),
    TargetedAPGD(
        (
            EliminationRound(classes=9, min_progress=0.3, steps=2, steps_outside=2),
            EliminationRound(classes=4, min_progress=0.5, steps=8, steps_outside=5),
            EliminationRound(classes=2, min_progress=0.85, steps=25),
        )
    ),
    SquareAttack(queries=100, only_if_masked=True),
)
"""Stronger searches, which are repeated next. Like the rough searches, they do not select examples
by properties of other examples, so that the distance of an example does not depend on the
others."""

MIN_RELATIVE_MARGIN = 1e-5
"""Smallest margin, as a share of the largest logit, of an image that counts as misclassified, so
that it is misclassified in batches of other sizes too."""

DISPLACEMENT_FACTORS = (1.0, 1.0005, 1.002)
"""Factors on the displacement of an image that is too close to the boundary."""

MIN_DISTANCE = 1e-6
"""Smallest distance that is refined further, in input units."""


@dataclass(frozen=True)
class Distances:
    """What :func:`find_distances` found, verified.

    Attributes:
        images: (N, C, H, W), the nearest misclassified image per example; the clean image where
            that is misclassified itself, or where none was found.
        distances: float64 (N,), the length of its displacement; 0 where the clean image is
            misclassified, infinite where no image was found up to the largest radius.
        largest: the largest radius.
    """

    images: Tensor
    distances: Tensor
    largest: float

    def robust(self, eps: float) -> Tensor:
        """Bool (N,): not known to be broken at this budget."""
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
        raise InputError(f"precision must be above 0 and at most 0.5, got {shown(precision)}")
    size = float(subject.images[0].numel())
    box = {"linf": 1.0, "l2": size**0.5, "l1": size}[norm]
    limit = box if largest is None else largest
    if not 0 < limit < float("inf"):
        raise InputError(f"the largest radius must be a finite number above 0, got {limit:g}")
    search = _DistanceSearch(subject, norm, box, min(limit, box), precision)
    search.initialize()
    subject.progress(f"{norm} distances: first found")
    for name, searches in (("rough", ROUGH_SEARCHES), ("fine", FINE_SEARCHES)):
        search.refine(name, searches)
        subject.progress(f"{norm} distances, {name}: median {search.upper.median():.4g}")
    within = search.upper <= search.largest
    return Distances(
        torch.where(within.view(-1, 1, 1, 1), search.images, subject.images),
        torch.where(within, search.upper, torch.inf),
        search.largest,
    )


@dataclass
class _DistanceSearch:
    """The nearest images so far, and the bounds between which to look next.

    Attributes:
        box: the radius of a ball that holds every image.
        largest: radius beyond which images are not reported and only serve to find nearer ones.
        images: (N, C, H, W).
        upper: float64 (N,), their distances.
        lower: float64 (N,), radii below which there is no search: an earlier one found nothing
            there, or the last image found is only a little further away.
        targets: int64 (N, K), target classes; empty until they are ranked.
        target_progress: (N, K), see :class:`AttackState`.
        gradients_masked: whether several examples were broken by a search without gradients only.
    """

    subject: Subject
    norm: str
    box: float
    largest: float
    precision: float
    gradients_masked: bool = False
    images: Tensor = field(init=False)
    upper: Tensor = field(init=False)
    lower: Tensor = field(init=False)
    targets: Tensor = field(init=False)
    target_progress: Tensor = field(init=False)

    def __post_init__(self) -> None:
        correct = self.subject.correct()
        self.images = self.subject.images.clone()
        far = torch.full(correct.shape, torch.inf, dtype=torch.float64, device=correct.device)
        self.upper = torch.where(correct, far, 0.0)
        self.lower = torch.zeros_like(self.upper)
        self.target_progress = torch.zeros(len(correct), 0, device=correct.device)
        self.targets = self.target_progress.long()

    def initialize(self) -> None:
        """Find an image for every example that has one: by a walk, else in growing balls."""
        self._walk(FIRST_WALK, self.upper.isinf().nonzero().squeeze(1))
        for doubling in range(-N_DOUBLINGS, 1):
            rows = self.upper.isinf().nonzero().squeeze(1)
            radii = torch.full_like(self.upper, self.largest * 2.0**doubling)
            if len(rows):
                self._search(GROWING_BALL_SEARCHES, rows, radii, f"grow {doubling}")

    def refine(self, name: str, searches: Sequence[Search]) -> None:
        """Search between the bounds of each example, first just below its nearest image so far.

        If that image is beyond the largest radius, search once at the largest radius.

        Args:
            name: of this phase, for its draws.
            searches: run in order on the examples that are still robust.
        """
        self.lower = torch.minimum(self.lower, (1 - 2 * self.precision) * self.upper)
        self.lower[self.upper > self.largest] = 0
        # An image may be measured slightly outside the ball, and must still be within the largest.
        slack = 0.0 if self.norm == "linf" else 1.1 * RELATIVE_SLACK[self.norm] * self.largest
        room = max(MAX_LINF_SLACK, slack)
        limit = self.largest - min(room, self.largest / 10)
        rows, number = self._open(), 0
        if len(rows) and any(search.targeted for search in searches):
            self._rank_targets(rows)
        while len(rows):
            middle = (self.lower + self.upper) / 2
            radii = torch.where(self.upper > self.largest, limit, middle)
            self._search(searches, rows, radii, f"{name} {number}")
            self.lower[(self.upper > self.largest) & (self.lower > 0)] = self.largest
            rows, number = self._open(), number + 1

    def _open(self) -> Tensor:
        """Examples whose bounds are further apart than the precision, by index."""
        enough = (self.precision * self.upper).clamp_min(MIN_DISTANCE) * (1 + 1e-6)
        apart = (self.upper - self.lower > enough) | self.upper.isinf()
        return (apart & (self.lower < self.largest)).nonzero().squeeze(1)

    def _search(
        self, searches: Sequence[Search], rows: Tensor, radii: Tensor, purpose: str
    ) -> None:
        """Search some examples in balls of their own, walk from the results, update the bounds."""
        before = self.upper.clone()
        scheduler = self._scheduler(rows, radii, purpose)
        for report in scheduler.run(searches):
            self._accept(rows[report.broken], scheduler.state.images[report.broken])
        self.gradients_masked = scheduler.state.gradients_masked
        nearer = self.upper[rows] < before[rows]
        self._walk(LATER_WALK, rows[nearer])
        self.lower[rows[~nearer]] = radii[rows[~nearer]]
        below = (1 - 2 * self.precision) * self.upper
        close = nearer & (self.lower[rows] > below[rows])
        self.lower[rows[close]] = below[rows[close]]

    def _walk(self, walk: FAB, rows: Tensor) -> None:
        """Walk along the boundary from the current images of some examples."""
        if len(rows):
            scheduler = self._scheduler(rows, self.upper, "walk")
            scheduler.state.nearest = self.images[rows]
            for report in scheduler.run([walk]):
                self._accept(rows[report.broken], scheduler.state.images[report.broken])

    def _rank_targets(self, rows: Tensor) -> None:
        """Rank the target classes of some examples."""
        state = self._scheduler(rows, self.upper, "targets").state
        targets, progress = ranked_targets(state)
        shape = (len(self.upper), targets.shape[1])
        self.targets, self.target_progress = targets.new_zeros(shape), progress.new_zeros(shape)
        self.targets[rows], self.target_progress[rows] = targets, progress

    def _scheduler(self, rows: Tensor, radii: Tensor, purpose: str) -> Scheduler:
        """A scheduler over some examples in balls of their own radii."""
        some = self.subject.take(rows)
        ball = InputBall(some.images, self.norm, radii[rows].clamp(max=self.box))
        state = AttackState.of(some, ball)
        state.rows, state.gradients_masked = rows, self.gradients_masked
        state.targets, state.target_progress = self.targets[rows], self.target_progress[rows]
        return Scheduler(state, ("distance", self.norm, purpose), masked_by_progress=False)

    def _accept(self, rows: Tensor, images: Tensor) -> None:
        """Measure and classify images again, and keep those that are nearer."""
        for factor in DISPLACEMENT_FACTORS:
            if not len(rows):
                break
            some = self.subject.take(rows)
            moved = (some.images + factor * (images - some.images)).clamp(0, 1)
            logits = some.logits(moved)
            clear = margins(logits, some.labels) > MIN_RELATIVE_MARGIN * logits.abs().amax(1)
            length = lengths(moved.double() - some.images.double(), self.norm)
            keep = clear & (length < self.upper[rows])
            self.images[rows[keep]], self.upper[rows[keep]] = moved[keep], length[keep]
            rows, images = rows[~clear], images[~clear]
