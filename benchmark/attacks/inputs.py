"""The input attack: a cascade of APGD stages on the examples that still stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from benchmark.ascent import apgd, per_example
from benchmark.attacks.targets import malt_targets
from benchmark.attacks.verification import verified_fallen
from benchmark.objectives import cross_entropy, probability_margin, targeted_margin
from benchmark.spaces import IMAGES, InputBall
from benchmark.subject import Subject
from models_zoo.errors import unknown_name

Effort = Literal["quick", "standard", "thorough"]


@dataclass(frozen=True)
class Stage:
    """One APGD run on what still stands.

    Attributes:
        objective: ``"probability-margin"``, ``"cross-entropy"`` or ``"target"``.
        steps: APGD steps.
        rank: for ``"target"``, which class to aim at: 0 is the most promising.
        random_start: start at a random point of the ball instead of at the image.
    """

    objective: str
    steps: int
    rank: int = 0
    random_start: bool = False


EFFORTS: dict[str, tuple[Stage, ...]] = {
    "quick": (Stage("probability-margin", 20), Stage("target", 40)),
    "standard": (
        Stage("probability-margin", 20),
        Stage("probability-margin", 80, random_start=True),
        Stage("target", 80, rank=0),
        Stage("target", 60, rank=1),
        Stage("target", 40, rank=2),
    ),
}
EFFORTS["thorough"] = (
    *EFFORTS["standard"],
    Stage("cross-entropy", 100, random_start=True),
    *(Stage("target", 100, rank=rank, random_start=True) for rank in range(9)),
    *(Stage("probability-margin", 200, random_start=True) for _ in range(3)),
)


@dataclass(frozen=True)
class InputAttack:
    """What an input attack found, verified.

    Attributes:
        images: (N, C, H, W) in [0, 1] and inside the ball; misclassified where ``robust`` is false,
            the clean image where it is true.
        robust: bool (N,), still classified correctly after everything that was tried.
    """

    images: Tensor
    robust: Tensor


def attack_subject(
    subject: Subject,
    norm: str,
    eps: float,
    effort: str = "standard",
    *,
    standing: Tensor | None = None,
) -> InputAttack:
    """Attack every example that ``standing`` names with all stages of an effort.

    Args:
        subject: model and examples.
        norm: ``"linf"`` or ``"l2"``.
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
    ball = InputBall(subject.images, norm, eps)
    robust, images = subject.correct(), subject.images.clone()
    open_rows = torch.ones_like(robust) if standing is None else standing
    if eps == 0:
        return InputAttack(images, robust)
    for number, stage in enumerate(EFFORTS[effort]):
        rows = (robust & open_rows).nonzero().squeeze(1)
        if not len(rows):
            break
        start = ball.origin
        if stage.random_start:
            start = ball.sample(subject.generator("input", norm, eps, number))
        for part in torch.split(rows, subject.batch_size):
            local = ball.take(part)
            found = _run(subject.take(part), local, stage, start[IMAGES][part], norm)
            fallen, candidates = verified_fallen(subject.take(part), local, found)
            robust[part[fallen]] = False
            images[part[fallen]] = candidates[fallen]
    return InputAttack(images, robust)


def _run(subject: Subject, ball: InputBall, stage: Stage, start: Tensor, norm: str) -> Tensor:
    """One stage on one batch; the candidate images, not yet verified."""
    if stage.objective != "target":
        losses = {"probability-margin": probability_margin, "cross-entropy": cross_entropy}
        evaluate = per_example(subject, losses[stage.objective])
        return apgd(ball, evaluate, {IMAGES: start}, stage.steps).point[IMAGES]
    targets = malt_targets(subject, norm, stage.rank + 1)
    if targets.shape[1] <= stage.rank:
        return subject.images
    chosen = targets[:, stage.rank]
    evaluate = per_example(subject, targeted_margin, chosen)
    return apgd(ball, evaluate, {IMAGES: start}, stage.steps).point[IMAGES]


def attack_ladder(
    subject: Subject, norm: str, budgets: Sequence[float], effort: str = "standard"
) -> list[Tensor]:
    """Outcomes, bool (N,), at ascending budgets; what falls in a small ball falls in every larger.

    Args:
        subject: model and examples.
        norm: ``"linf"`` or ``"l2"``.
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
