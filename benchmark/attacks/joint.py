"""The joint attack: one weight perturbation for all and an input perturbation for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.inputs import attack_subject
from benchmark.attacks.verification import require_inside
from benchmark.attacks.weights import WeightAttack, WeightBudget, stretched, verified_weights
from benchmark.objectives import probability_margin
from benchmark.spaces import IMAGES, InputBall, Point, ProductSpace
from benchmark.subject import Subject


@dataclass(frozen=True)
class JointAttack:
    """What a joint attack found, verified.

    Attributes:
        weights: the perturbed tensors shared by all examples; empty where the model's own are used.
        robust: bool (N,), examples that stand every input perturbation tried under those weights.
        won: which candidate it was: ``"input"``, ``"weight"``, ``"joint"`` or ``"smaller budget"``.
    """

    weights: Point
    robust: Tensor
    won: str


def climb_product(
    subject: Subject, norm: str, eps: float, radius: float, budget: WeightBudget, start: Point
) -> WeightAttack:
    """Climb input ball x weight ball simultaneously; the weights it ends with, verified.

    Args:
        subject: model and examples.
        norm: norm of the input ball.
        eps: its radius, input units.
        radius: radius of the weight ball.
        budget: geometry, rule and steps of the weights.
        start: weights to start from; the images start at themselves.
    """
    inputs, ball = InputBall(subject.images, norm, eps), budget.ball(subject, radius)
    space = ProductSpace(inputs, ball)
    origin = {IMAGES: subject.images} | ball.project(start)
    climb = apgd(space, whole_set(subject, probability_margin), origin, budget.steps)
    require_inside(space, climb.point)
    weights = {name: value for name, value in climb.point.items() if name != IMAGES}
    return verified_weights(subject, ball, weights)


def attack_cell(
    subject: Subject,
    norm: str,
    eps: float,
    radius: float,
    *,
    budget: WeightBudget,
    effort: str,
    alone: Tensor,
    weight: WeightAttack,
    smaller: Sequence[JointAttack] = (),
) -> JointAttack:
    """The worst of the single-space attacks, the joint climb and the smaller budgets.

    Each candidate is one choice of shared weights; under it every example that is still classified
    correctly is attacked in its own input ball. The candidate with the lowest accuracy is reported,
    so that a joint score is never above a single-space score at the same budgets.

    Args:
        subject: model and examples.
        norm: norm of the input ball.
        eps: its radius, input units.
        radius: radius of the weight ball.
        budget: geometry, rule and steps of the weights.
        effort: of the input attack under perturbed weights.
        alone: bool (N,), what stands the input attack with the model's own weights.
        weight: the weight attack alone, at ``radius`` or less.
        smaller: outcomes of cells with budgets no larger in either direction.
    """
    candidates = [JointAttack({}, alone, "input")]
    candidates += [JointAttack(cell.weights, cell.robust, "smaller budget") for cell in smaller]
    if radius > 0:
        candidates.append(_under(subject, norm, eps, effort, weight, "weight"))
    if radius > 0 and eps > 0:
        ball = budget.ball(subject, radius)
        start = stretched(ball, weight.weights) if weight.weights else ball.origin
        found = climb_product(subject, norm, eps, radius, budget, start)
        candidates.append(_under(subject, norm, eps, effort, found, "joint"))
    return min(candidates, key=lambda candidate: int(candidate.robust.sum()))


def _under(
    subject: Subject, norm: str, eps: float, effort: str, shared: WeightAttack, name: str
) -> JointAttack:
    robust = shared.robust
    if eps > 0:
        robust = attack_subject(subject.at(shared.weights), norm, eps, effort).robust
    return JointAttack(shared.weights, robust, name)


def joint_surface(
    subject: Subject,
    norm: str,
    budgets: Sequence[float],
    radii: Sequence[float],
    *,
    budget: WeightBudget,
    effort: str,
    alone: Sequence[Tensor],
    weight: Sequence[WeightAttack],
) -> list[list[JointAttack]]:
    """Outcomes over input budgets (rows) x weight radii (columns), falling along both.

    Args:
        subject: model and examples.
        norm: norm of the input ball.
        budgets: input budgets, ascending, the first 0.
        radii: weight radii, ascending, the first 0.
        budget: geometry, rule and steps of the weights.
        effort: of the input attack under perturbed weights.
        alone: outcomes of the input attack alone, one a budget.
        weight: weight attacks alone, one a radius.
    """
    surface: list[list[JointAttack]] = []
    for i, eps in enumerate(budgets):
        row: list[JointAttack] = []
        for j, radius in enumerate(radii):
            smaller = [*row[-1:], *(surface[-1][j : j + 1] if surface else [])]
            dead = next((cell for cell in smaller if not cell.robust.any()), None)
            if dead is not None:
                row.append(JointAttack(dead.weights, dead.robust, "smaller budget"))
                continue
            cell = attack_cell(
                subject,
                norm,
                eps,
                radius,
                budget=budget,
                effort=effort,
                alone=alone[i],
                weight=weight[j],
                smaller=smaller,
            )
            row.append(cell)
            subject.progress(f"joint {eps:.4g} x {radius:g}: {cell.robust.float().mean():.1%}")
        surface.append(row)
    return surface
