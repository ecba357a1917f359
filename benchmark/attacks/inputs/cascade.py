"""The input attack: searches from cheap to expensive, one ball per example.

:class:`Scheduler` decides which search runs on which examples, and keeps the state.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from benchmark.arguments import input_budget_of
from benchmark.attacks.attack import Attack
from benchmark.attacks.inputs.efforts import searches_of
from benchmark.attacks.inputs.gradient_masking import MASKED_ERROR, relative_errors
from benchmark.attacks.inputs.search import Search, Verified
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.inputs.targets import ranked_targets
from benchmark.attacks.inputs.transfer import TransferAPGD
from benchmark.attacks.result import AttackResult, SearchReport
from benchmark.memory import in_batches
from benchmark.requirements import require_image_gradients
from benchmark.spaces import InputBall
from benchmark.subject import Subject, subject_of
from benchmark.threats import InputThreat
from models_zoo.errors import InputError, shown

MIN_PROGRESS = 0.01
"""Share of the clean margin by which a search that detects masking must increase the margin. A
short search with smoothed gradients does that for half to all of the examples behind most
staircases, and for 2 of the 8 robust examples of an adversarially trained model whose gradients are
inexact."""


@dataclass(frozen=True)
class InputAttack(Attack[AttackResult]):
    """Searches from cheap to expensive, each on the examples that are still robust.

    The result's images are misclassified where ``robust`` is false, and the clean images elsewhere.

    Attributes:
        threat: the balls around the images.
        effort: ``"quick"``, ``"standard"`` or ``"thorough"``.
        access: ``"gradients"``, or ``"scores"`` for an adversary who only queries the model.
        surrogates: related models, such as earlier epochs or siblings of the same recipe. Images
            that are adversarial for them are tried on the model, and ascents start from them.
    """

    threat: InputThreat
    effort: str = "standard"
    access: str = "gradients"
    surrogates: tuple[nn.Module, ...] = ()

    def check(self, subject: Subject) -> None:
        """As :meth:`Attack.check`."""
        input_budget_of(self.threat.eps, self.threat.norm, subject.images)
        searches_of(self.effort, self.access)  # refuses unknown names before they are compared
        if self.surrogates and self.access != "gradients":
            raise InputError(
                f"surrogates need access='gradients', got {shown(self.access)}; leave them out"
            )
        # The other efforts include searches without gradients for models that have none.
        if self.effort == "quick" and self.access == "gradients":
            require_image_gradients(subject)

    def run(self, subject: Subject) -> AttackResult:
        """As :meth:`Attack.run`."""
        with _prepared(subject, self.surrogates) as surrogates:
            found = attack_subject(
                subject,
                self.threat.norm,
                self.threat.eps,
                self.effort,
                access=self.access,
                surrogates=surrogates,
            )
        return AttackResult(self.threat, found.robust, found.images, {}, tuple(found.searches))


def attack_by_transfer(
    subject: Subject,
    threat: InputThreat,
    surrogates: Sequence[nn.Module],
    robust: Tensor | None = None,
) -> AttackResult:
    """Attack with the adversarial images of related models alone, and ascents that start there.

    Args:
        subject: model and examples.
        threat: the balls around the images.
        surrogates: related models, such as earlier epochs or siblings of the same recipe.
        robust: bool (N,), the examples to attack, by default all.

    Returns:
        Images and outcomes; examples left out are reported as they are classified.

    Raises:
        InputError: a surrogate is no model for these images and labels.
    """
    state = AttackState.of(subject, InputBall(subject.images, threat.norm, threat.eps), robust)
    attacked = state.robust.clone()
    with _prepared(subject, surrogates) as others:
        purpose = ("transfer", threat.norm, threat.eps)
        reports = tuple(Scheduler(state, purpose).run([TransferAPGD(others)]))
    found = subject.correct() & ~(attacked & ~state.robust)
    return AttackResult(threat, found, state.images, {}, reports)


@contextmanager
def _prepared(subject: Subject, surrogates: Sequence[nn.Module]) -> Iterator[tuple[Subject, ...]]:
    """Surrogates prepared like the subject's model; their passes count as the subject's.

    Raises:
        InputError: a surrogate is no model for these images and labels.
    """
    with ExitStack() as stack:
        prepared = []
        for number, surrogate in enumerate(surrogates):
            try:
                other = stack.enter_context(
                    subject_of(
                        surrogate,
                        subject.images,
                        subject.labels,
                        seed=subject.seed,
                        device=subject.images.device,
                        batch_size=subject.batch_size,
                    )
                )
                require_image_gradients(other)
            except InputError as error:
                raise InputError(f"surrogate {number}: {error}") from error
            prepared.append(replace(other, passes=subject.passes))
        yield tuple(prepared)


@dataclass(frozen=True)
class InputAttackResult:
    """What an input attack found, verified.

    Attributes:
        images: (N, C, H, W) in [0, 1] and inside the ball; misclassified where ``robust`` is false,
            the clean image where it is true.
        robust: bool (N,), still classified correctly after all searches.
        searches: one report per search that ran, in order.
        masked: bool (N,), where gradient masking was detected, see :class:`Scheduler`.
    """

    images: Tensor
    robust: Tensor
    searches: list[SearchReport]
    masked: Tensor

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
    surrogates: Sequence[Subject] = (),
) -> InputAttackResult:
    """Run all searches of an effort on every example.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        eps: radius in input units.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
        access: what the adversary sees, ``"gradients"`` or ``"scores"``.
        robust: bool (N,), the examples to attack, by default all.
        surrogates: related models on any examples, see :class:`TransferAPGD`.

    Returns:
        Images and outcomes; examples left out are reported as they are classified.

    Raises:
        InputError: an unknown norm, effort or access, or a negative radius.
    """
    searches: Sequence[Search] = searches_of(effort, access)
    if surrogates:
        searches = (*searches, TransferAPGD(tuple(surrogates)))
    state = AttackState.of(subject, InputBall(subject.images, norm, eps), robust)
    if eps == 0:
        nowhere = torch.zeros_like(state.robust)
        return InputAttackResult(subject.images.clone(), subject.correct(), [], nowhere)
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
    """Attack at several budgets, the largest first; an example robust there is robust at all.

    So every other attack runs on the examples alone that were broken at the next larger budget, and
    an example pays for being robust once.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        budgets: radii in input units, ascending.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.

    Returns:
        One result per budget, in the order of the budgets.
    """

    def run() -> list[InputAttackResult]:
        broken, attacks = subject.correct(), []
        for eps in reversed(budgets):
            attack = attack_subject(subject, norm, eps, effort, robust=broken)
            broken = broken & ~attack.robust
            attacks.append(attack)
            subject.progress(f"{norm} {eps:.4g}: {attack.robust.float().mean():.1%} robust")
        return attacks[::-1]

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
    - Before the first targeted search, target classes are ranked; before the first search that
      needs them, the errors of gradients are measured.
    - An example's gradients count as masked if their error is above :data:`MASKED_ERROR`, or if a
      search that does not follow them does better than those before it.

    Every rule looks at one example only, so that its outcome does not depend on the others.

    Attributes:
        state: of the attack, updated in place.
        purpose: seeds the draws, together with the number of the search.
    """

    state: AttackState
    purpose: tuple[Hashable, ...]

    def run(self, searches: Sequence[Search]) -> Iterator[SearchReport]:
        """Run searches in order, as long as examples are robust; one report per search."""
        state = self.state
        for number, search in enumerate(searches):
            if not state.robust.any():
                return
            state.seed = state.subject.generator(*self.purpose, number).initial_seed()
            margins = state.margins.clone()
            report = self.run_one(search)
            if search.detects_masking:
                state.gradients_masked |= self._did_better(margins, report)
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
        if search.needs_gradient_errors:
            self._measure_gradients()
        forwards, backwards = passes.forwards, passes.backwards
        attacked = self._selected(search)
        if search.screens:
            state.reachable = state.reachable & attacked
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
        return self.state.robust & search.select(self.state)

    def _measure_gradients(self) -> None:
        """Measure the errors of the gradients of robust examples, unless that has been done."""
        state = self.state

        def measure(rows: Tensor) -> None:
            errors = relative_errors(state.take(rows))
            state.gradient_errors[rows] = errors
            state.gradients_masked[rows] |= errors > MASKED_ERROR

        rows = (state.robust & state.gradient_errors.isnan()).nonzero().squeeze(1)
        state.subject.batch_size = in_batches(rows, state.subject.batch_size, measure)

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

    def _did_better(self, margins: Tensor, report: SearchReport) -> Tensor:
        """Bool (N,): where a search did better than the searches before.

        It did if it broke the example or increased its margin.

        Args:
            margins: (N,), the largest before the search.
            report: of the search.
        """
        state = self.state
        further = state.margins > margins + MIN_PROGRESS * state.clean_margins.abs()
        return report.broken | (report.attacked & further)
