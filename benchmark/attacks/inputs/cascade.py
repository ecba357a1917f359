"""The cascade: searches from cheap to expensive, each on what still stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from benchmark.attacks.inputs.efforts import EFFORTS
from benchmark.attacks.inputs.field import Field
from benchmark.attacks.inputs.search import Found
from benchmark.attacks.inputs.squares import Squares
from benchmark.attacks.inputs.targets import find_targets
from benchmark.attacks.inputs.tournament import Tournament
from benchmark.spaces import InputBall
from benchmark.subject import Subject
from models_zoo.errors import unknown_name

LEAST_THRIFT = 0.25
"""Searches that do not pay shrink those after them no further than to this part."""


@dataclass(frozen=True)
class InputAttack:
    """What an input attack found, verified.

    Attributes:
        images: (N, C, H, W) in [0, 1] and inside the ball; misclassified where ``robust`` is false,
            the clean image where it is true.
        robust: bool (N,), still classified correctly after everything that was tried.
        found: what each search of the cascade did, in order.
    """

    images: Tensor
    robust: Tensor
    found: list[Found] = field(default_factory=list)


def attack_subject(
    subject: Subject,
    norm: str,
    eps: float,
    effort: str = "standard",
    *,
    standing: Tensor | None = None,
) -> InputAttack:
    """Attack every example that ``standing`` names with all searches of an effort.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        eps: radius in input units.
        effort: a name of :data:`EFFORTS`.
        standing: bool (N,), examples not known to fall inside this ball; by default all.

    Returns:
        Images and outcomes; examples outside ``standing`` are reported as they are classified.

    Raises:
        InputError: an unknown norm or effort, or a negative radius.
    """
    if effort not in EFFORTS:
        raise unknown_name("effort", effort, EFFORTS)
    state = Field.of(subject, InputBall(subject.images, norm, eps), standing)
    if eps == 0:
        return InputAttack(subject.images.clone(), subject.correct())
    found: list[Found] = []
    for number, search in enumerate(EFFORTS[effort]):
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
            state.thrift = max(state.thrift / 2, LEAST_THRIFT)
    fallen = torch.zeros_like(state.standing)
    for each in found:
        fallen |= each.fell
    return InputAttack(state.images, subject.correct() & ~fallen, found)


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


def attack_ladder(
    subject: Subject, norm: str, budgets: Sequence[float], effort: str = "standard"
) -> list[Tensor]:
    """Outcomes, bool (N,), at ascending budgets; what falls in a small ball falls in every larger.

    Args:
        subject: model and examples.
        norm: ``"linf"``, ``"l2"`` or ``"l1"``.
        budgets: radii in input units, ascending.
        effort: a name of :data:`EFFORTS`.
    """

    def climb() -> list[Tensor]:
        robust = subject.correct()
        outcomes = []
        for eps in budgets:
            attacked = attack_subject(subject, norm, eps, effort, standing=robust).robust
            robust = robust & attacked
            outcomes.append(robust)
            subject.progress(f"{norm} {eps:.4g}: {robust.float().mean():.1%} stand")
        return outcomes

    return subject.once(("attack_ladder", norm, tuple(budgets), effort), climb)
