"""The cascade: searches from cheap to expensive, each on what still stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from benchmark.attacks.inputs.efforts import searches_of
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Found
from benchmark.attacks.inputs.squares import Squares
from benchmark.attacks.inputs.targets import find_targets
from benchmark.attacks.inputs.tournament import Tournament
from benchmark.spaces import InputBall
from benchmark.subject import Subject

THRIFT, LEAST_THRIFT = 0.7, 0.35
"""A search that finds nothing shrinks the shares of those after it to this part, and no further
than to that."""


@dataclass(frozen=True)
class InputAttack:
    """What an input attack found, verified.

    Attributes:
        images: (N, C, H, W) in [0, 1] and inside the ball; misclassified where ``robust`` is false,
            the clean image where it is true.
        robust: bool (N,), still classified correctly after everything that was tried.
        found: what each search of the cascade did, in order.
        masked: whether gradients were seen to lead astray: a search without them did better, or
            they say nothing of what happens half a budget away.
    """

    images: Tensor
    robust: Tensor
    found: list[Found] = field(default_factory=list)
    masked: bool = False

    @property
    def passes(self) -> int:
        """Images passed forward or backward through the model by all searches."""
        return sum(each.forwards + each.backwards for each in self.found)


def attack_subject(
    subject: Subject,
    norm: str,
    eps: float,
    effort: str = "standard",
    *,
    access: str = "gradients",
    standing: Tensor | None = None,
) -> InputAttack:
    """Attack every example that ``standing`` names with all searches of an effort.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        eps: radius in input units.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
        access: what the adversary sees, ``"gradients"`` or ``"scores"``.
        standing: bool (N,), examples not known to fall inside this ball; by default all.

    Returns:
        Images and outcomes; examples outside ``standing`` are reported as they are classified.

    Raises:
        InputError: an unknown norm, effort or access, or a negative radius.
    """
    searches = searches_of(effort, access)
    state = Field.of(subject, InputBall(subject.images, norm, eps), standing)
    if eps == 0:
        return InputAttack(subject.images.clone(), subject.correct())
    found: list[Found] = []
    for number, search in enumerate(searches):
        if not state.standing.any():
            break
        state.seed = subject.generator("input", norm, eps, number).initial_seed()
        if isinstance(search, Tournament) and not state.targets.shape[1]:
            find_targets(state)
        before = state.margins.clone()
        found.append(search(state))
        if isinstance(search, Squares):
            state.masked |= _misled(state, before, found[-1])
        elif number and not found[-1].fell.any():
            state.thrift = max(state.thrift * THRIFT, LEAST_THRIFT)
    fallen = torch.zeros_like(state.standing)
    for each in found:
        fallen |= each.fell
    return InputAttack(state.images, subject.correct() & ~fallen, found, state.masked)


def _misled(state: Field, before: Tensor, free: Found) -> bool:
    """Whether a search without gradients did better than the gradient searches before it.

    It did where it broke examples they had left, more than one in case that was luck, or went
    further on a quarter of its examples; with as few queries as it has, it does not on models whose
    gradients can be followed.

    Args:
        state: the field after the search.
        before: margins (N,) before it.
        free: what it did.
    """
    further = (state.margins > before + 0.01 * state.clean.abs()) & free.attacked
    return int(free.fell.sum()) > 1 or int(further.sum()) * 4 > int(free.attacked.sum())


def attack_rungs(
    subject: Subject, norm: str, budgets: Sequence[float], effort: str = "standard"
) -> list[InputAttack]:
    """Attacks at ascending budgets; what falls in a small ball falls in every larger.

    Each attack is run on what stood at the budgets before it, and ``robust`` is what stood at all
    of them.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        budgets: radii in input units, ascending.
        effort: a name of :data:`benchmark.attacks.inputs.EFFORTS`.
    """

    def climb() -> list[InputAttack]:
        robust, rungs = subject.correct(), []
        for eps in budgets:
            attack = attack_subject(subject, norm, eps, effort, standing=robust)
            robust = robust & attack.robust
            rungs.append(replace(attack, robust=robust))
            subject.progress(f"{norm} {eps:.4g}: {robust.float().mean():.1%} stand")
        return rungs

    return subject.once(("attack_rungs", norm, tuple(budgets), effort), climb)


def attack_ladder(
    subject: Subject, norm: str, budgets: Sequence[float], effort: str = "standard"
) -> list[Tensor]:
    """The outcomes of :func:`attack_rungs`, bool (N,), one a budget."""
    return [rung.robust for rung in attack_rungs(subject, norm, budgets, effort)]
