"""The input attack on a subject: one ball per example, at one budget or at several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from benchmark.attacks.inputs.efforts import searches_of
from benchmark.attacks.inputs.scheduler import Scheduler
from benchmark.attacks.inputs.state import AttackState
from benchmark.attacks.result import SearchReport
from benchmark.spaces import InputBall
from benchmark.subject import Subject


@dataclass(frozen=True)
class InputAttackResult:
    """What an input attack found, verified.

    Attributes:
        images: (N, C, H, W) in [0, 1] and inside the ball; misclassified where ``robust`` is false,
            the clean image where it is true.
        robust: bool (N,), still classified correctly after all searches.
        searches: one report per search that ran, in order.
        masked: whether gradient masking was detected, see
            :class:`benchmark.attacks.inputs.scheduler.Scheduler`.
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
