"""Cells over a grid of input budgets and weight radii."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from benchmark.attacks.inputs import InputAttackResult
from benchmark.attacks.joint.cell import SMALLER, Cell, JointAttack
from benchmark.attacks.joint.climbs import climb_product
from benchmark.attacks.joint.strike import Strike, strike
from benchmark.attacks.weights import WeightAttack, WeightBudget
from benchmark.subject import Subject


@dataclass(frozen=True)
class Outcome:
    """What is kept of a cell once its neighbours are done; weights and images are not.

    Attributes:
        robust: bool (N,).
        won: which candidate it was.
        standing: how many examples stand under each candidate that was tried, by name.
    """

    robust: Tensor
    won: str
    standing: dict[str, int]


def input_strike(subject: Subject, norm: str, eps: float, attack: InputAttackResult) -> Strike:
    """An input attack as a candidate: what stands is brought near its boundary, for later climbs.

    Args:
        subject: model and examples.
        norm: norm of the input balls.
        eps: their radius, input units.
        attack: on the same balls.
    """
    near = strike(subject, norm, eps, {}, [attack.images])
    return Strike({}, near.robust & attack.robust, near.images)


def climb_and_strike(
    subject: Subject, norm: str, eps: float, radius: float, budget: WeightBudget
) -> Strike:
    """One simultaneous climb from the origin and one strike at its weights: a quick upper bound.

    Args:
        subject: model and examples.
        norm: norm of the input balls.
        eps: their radius, input units.
        radius: of the weight ball.
        budget: geometry, rule and steps of the weights.
    """
    start = budget.ball(subject, radius).origin
    weights, images = climb_product(subject, norm, eps, radius, budget, start, subject.images)
    return strike(subject, norm, eps, weights, [images])


def joint_surface(
    subject: Subject,
    norm: str,
    budgets: Sequence[float],
    radii: Sequence[float],
    *,
    budget: WeightBudget,
    effort: str,
    alone: Sequence[InputAttackResult],
    weight: Sequence[WeightAttack],
) -> list[list[Outcome]]:
    """Outcomes over input budgets (rows) x weight radii (columns), falling along both.

    Images and weights are kept for one row of the grid only.

    Args:
        subject: model and examples.
        norm: norm of the input balls.
        budgets: input budgets, ascending, the first 0.
        radii: weight radii, ascending, the first 0.
        budget: geometry, rule and steps of the weights.
        effort: of the input attack under perturbed weights.
        alone: the input attack alone, one a budget.
        weight: weight attacks alone, one a radius.
    """
    surface: list[list[Outcome]] = []
    above: list[JointAttack] = []
    for eps, attack in zip(budgets, alone, strict=True):
        candidate = input_strike(subject, norm, eps, attack)
        row: list[JointAttack] = []
        for j, radius in enumerate(radii):
            smaller = [*row[-1:], *above[j : j + 1]]
            dead = next((cell for cell in smaller if not cell.robust.any()), None)
            if dead is not None:
                row.append(JointAttack(dead.weights, dead.robust, SMALLER, dead.images))
                continue
            cell = Cell(
                subject=subject,
                norm=norm,
                eps=eps,
                radius=radius,
                budget=budget,
                effort=effort,
                alone=candidate,
                weight=weight[j],
                smaller=smaller,
            )
            row.append(cell.attack())
            share = row[-1].robust.float().mean()
            subject.progress(f"joint {eps:.4g} x {radius:g}: {share:.1%} stand, {row[-1].won}")
        surface.append([Outcome(cell.robust, cell.won, cell.standing) for cell in row])
        above = row
    return surface
