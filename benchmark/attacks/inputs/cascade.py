"""The input attack: searches from cheap to expensive, one ball per example.

:class:`Scheduler` decides which search runs on which examples, and keeps the state.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from benchmark.arguments import input_budget_of
from benchmark.attacks.attack import Attack
from benchmark.attacks.inputs.efforts import searches_of
from benchmark.attacks.inputs.gradient_masking import gradients_are_masked
from benchmark.attacks.inputs.search import Search, Verified
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.inputs.targets import ranked_targets
from benchmark.attacks.result import AttackResult, SearchReport
from benchmark.memory import in_batches
from benchmark.requirements import require_image_gradients
from benchmark.spaces import InputBall
from benchmark.subject import Subject
from benchmark.threats import InputThreat

SHARE_SHRINKAGE = 0.7
"""Factor on :attr:`AttackState.share_scale` after a search that broke nothing."""

MIN_SHARE_SCALE = 0.35
"""Smallest :attr:`AttackState.share_scale`."""

MIN_PROGRESS = 0.01
"""Share of the clean margin by which a search without gradients must increase the margin to count
as progress."""


@dataclass(frozen=True)
class InputAttack(Attack[AttackResult]):
    """Searches from cheap to expensive, each on the examples that are still robust.

    The result's images are misclassified where ``robust`` is false, and the clean images elsewhere.

    Attributes:
        threat: the balls around the images.
        effort: ``"quick"``, ``"standard"`` or ``"thorough"``.
        access: ``"gradients"``, or ``"scores"`` for an adversary who only queries the model.
    """

    threat: InputThreat
    effort: str = "standard"
    access: str = "gradients"

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        input_budget_of(self.threat.eps, self.threat.norm, subject.images)
        searches_of(self.effort, self.access)  # refuses unknown names before they are compared
        # The other efforts include searches without gradients for models that have none.
        if self.effort == "quick" and self.access == "gradients":
            require_image_gradients(subject)

    def run(self, subject: Subject) -> AttackResult:
        """As :meth:`Attack.run`."""
        found = attack_subject(
            subject, self.threat.norm, self.threat.eps, self.effort, access=self.access
        )
        return AttackResult(self.threat, found.robust, found.images, {}, tuple(found.searches))


@dataclass(frozen=True)
class InputAttackResult:
    """What an input attack found, verified.

    Attributes:
        images: (N, C, H, W) in [0, 1] and inside the ball; misclassified where ``robust`` is false,
            the clean image where it is true.
        robust: bool (N,), still classified correctly after all searches.
        searches: one report per search that ran, in order.
        masked: whether gradient masking was detected, see
            :class:`Scheduler`.
    """

    images: Tensor
    robust: Tensor
    searches: list[SearchReport] = field(default_factory=list)
    masked: bool = False

    @property
    def passes(self) -> int:
        """Images passed forward or backward through the model by all searches."""
        return sum(each.forwards + each.backwards for each in self.searches)


def attack_subject(
    subject: Subject,
    norm: str,
    eps: float,
    effort: str = "standard",
    *,
    access: str = "gradients",
    robust: Tensor | None = None,
) -> InputAttackResult:
    """Run all searches of an effort on every example.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        eps: radius in input units.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
        access: what the adversary sees, ``"gradients"`` or ``"scores"``.
        robust: bool (N,), examples not known to be broken in this ball; the others are left out.
            By default all.

    Returns:
        Images and outcomes; examples left out are reported as they are classified.

    Raises:
        InputError: an unknown norm, effort or access, or a negative radius.
    """
    searches = searches_of(effort, access)
    state = AttackState.of(subject, InputBall(subject.images, norm, eps), robust)
    if eps == 0:
        return InputAttackResult(subject.images.clone(), subject.correct())
    reports = list(Scheduler(state, ("input", norm, eps)).run(searches))
    broken = torch.zeros_like(state.robust)
    for report in reports:
        broken |= report.broken
    return InputAttackResult(
        images=state.images,
        robust=subject.correct() & ~broken,
        searches=reports,
        masked=state.gradients_masked,
    )


def attacks_by_budget(
    subject: Subject, norm: str, budgets: Sequence[float], effort: str = "standard"
) -> list[InputAttackResult]:
    """Attack at ascending budgets; an example broken in a small ball is broken in larger ones.

    Each attack runs on the examples that are robust at all budgets before it, and the ``robust`` of
    its result holds for all budgets up to its own.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        budgets: radii in input units, ascending.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
    """

    def run() -> list[InputAttackResult]:
        robust, attacks = subject.correct(), []
        for eps in budgets:
            attack = attack_subject(subject, norm, eps, effort, robust=robust)
            robust = robust & attack.robust
            attacks.append(replace(attack, robust=robust))
            subject.progress(f"{norm} {eps:.4g}: {robust.float().mean():.1%} robust")
        return attacks

    return subject.once(("attacks_by_budget", norm, tuple(budgets), effort), run)


def outcomes_by_budget(
    subject: Subject, norm: str, budgets: Sequence[float], effort: str = "standard"
) -> list[Tensor]:
    """The outcomes of :func:`attacks_by_budget`, bool (N,), one per budget."""
    return [attack.robust for attack in attacks_by_budget(subject, norm, budgets, effort)]


@dataclass
class Scheduler:
    """Runs searches one after the other on the examples that are still robust.

    It owns the attack's state and is the only one to change it: a search returns what it found.
    The rules are:

    - A search runs on the robust examples that it selects, batch by batch. Examples that a
      screening search does not select, or that it reports as unreachable, are left out by later
      searches that respect :attr:`AttackState.reachable`.
    - The draws of search number i are seeded from the purpose and i.
    - Before the first targeted search, target classes are ranked.
    - After a gradient search that broke nothing, other than the first, the shares of costly
      searches shrink.
    - Gradients count as masked if a search without gradients does better than those before it, or
      if :func:`gradients_are_masked` says so, which is called before a gradient search that runs on
      masked models only.

    Attributes:
        state: of the attack, updated in place.
        purpose: seeds the draws, together with the number of the search.
        masked_by_progress: whether progress of a search without gradients counts as a sign of
            masking too, or broken examples alone.
    """

    state: AttackState
    purpose: tuple[Hashable, ...]
    masked_by_progress: bool = True

    def run(self, searches: Sequence[Search]) -> Iterator[SearchReport]:
        """Run searches in order, as long as examples are robust; one report per search."""
        state = self.state
        for number, search in enumerate(searches):
            if not state.robust.any():
                return
            state.seed = state.subject.generator(*self.purpose, number).initial_seed()
            margins = state.margins.clone()
            report = self.run_one(search)
            if not search.uses_gradients:
                state.gradients_masked |= self._did_better(margins, report)
            elif number and not report.broken.any():
                state.share_scale = max(state.share_scale * SHARE_SHRINKAGE, MIN_SHARE_SCALE)
            yield report

    def run_one(self, search: Search) -> SearchReport:
        """Run a search on the examples it selects and update the state.

        The batch is halved whenever memory runs out.

        Raises:
            RuntimeError: see :meth:`Search.__call__`.
        """
        state, passes = self.state, self.state.subject.passes
        if search.targeted and not state.targets.shape[1]:
            state.targets, state.target_progress = ranked_targets(state)
        forwards, backwards = passes.forwards, passes.backwards
        attacked = self._selected(search)
        if search.screens:
            state.reachable = state.reachable & attacked
        state.n_attacked = int(attacked.sum())
        state.subject.batch_size = in_batches(
            attacked.nonzero().squeeze(1),
            state.subject.batch_size,
            lambda rows: self._update(rows, search(state, rows)),
        )
        return SearchReport(
            search=search.name,
            attacked=attacked,
            broken=attacked & ~state.robust,
            forwards=passes.forwards - forwards,
            backwards=passes.backwards - backwards,
            uses_gradients=search.uses_gradients,
        )

    def _selected(self, search: Search) -> Tensor:
        """Bool (N,): the robust examples that a search runs on."""
        state = self.state
        if search.only_if_masked:
            if search.uses_gradients:
                state.gradients_masked = state.gradients_masked or gradients_are_masked(state)
            if not state.gradients_masked:
                return torch.zeros_like(state.robust)
        return state.robust & search.select(state)

    def _update(self, rows: Tensor, found: Verified) -> None:
        """Record what a search found on a batch and what it reported."""
        state, reported = self.state, found.candidates
        if reported.reachable is not None:
            state.reachable[rows] = reported.reachable
        if reported.target_progress is not None:
            state.target_progress[rows] = reported.target_progress
        further = found.margins > state.margins[rows]
        state.nearest[rows[further]] = found.images[further]
        state.margins[rows[further]] = found.margins[further]
        state.images[rows[found.broken]] = found.images[found.broken]
        state.robust[rows[found.broken]] = False

    def _did_better(self, margins: Tensor, report: SearchReport) -> bool:
        """Whether a search without gradients did better than the gradient searches before.

        It did if it broke at least two examples, or increased the margin on more than a quarter of
        its examples.

        Args:
            margins: (N,), the largest before the search.
            report: of the search.
        """
        if int(report.broken.sum()) > 1:
            return True
        if not self.masked_by_progress:
            return False
        state = self.state
        further = state.margins > margins + MIN_PROGRESS * state.clean_margins.abs()
        further = further & report.attacked
        return int(further.sum()) * 4 > int(report.attacked.sum())
