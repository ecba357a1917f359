"""Joint attacks over a grid of input budgets and weight radii."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.joint.ascents import ascend_both
from benchmark.attacks.joint.at_weights import attack_at_weights
from benchmark.attacks.joint.budget_pair import SMALLER, BudgetPair
from benchmark.attacks.result import AttackResult, Candidate, SearchReport
from benchmark.attacks.weights import weight_ball
from benchmark.subject import Subject
from benchmark.threats import InputThreat, JointThreat, WeightThreat


@dataclass(frozen=True)
class PairOutcome:
    """The outcome at a pair of budgets, without weights and images.

    Attributes:
        robust: bool (N,).
        strongest: name of the candidate that it is from.
        n_robust: number of robust examples under each candidate that was tried, by name.
    """

    robust: Tensor
    strongest: str
    n_robust: dict[str, int]


def input_candidate(subject: Subject, threat: InputThreat, attacked: Candidate) -> Candidate:
    """An input attack as a candidate, with its robust examples moved towards their boundary.

    Args:
        subject: model and examples.
        threat: the input balls.
        attacked: the result of the input attack in these balls.
    """
    near = attack_at_weights(subject, threat, {}, [attacked.images])
    return Candidate({}, near.images, near.robust & attacked.robust)


def quick_joint_attack(subject: Subject, threat: JointThreat, steps: int) -> Candidate:
    """One simultaneous ascent from the origin and one attack at its weights: a quick upper bound.

    Args:
        subject: model and examples.
        threat: the input balls and the weight ball.
        steps: APGD steps over the weights.
    """
    start = weight_ball(subject, threat.weights).origin
    weights, images = ascend_both(subject, threat, steps, start, subject.images)
    return attack_at_weights(subject, threat.inputs, weights, [images])


def joint_surface(
    subject: Subject,
    inputs: Sequence[InputThreat],
    weights: Sequence[WeightThreat],
    *,
    steps: int,
    effort: str,
    input_attacks: Sequence[Candidate],
    weight_attacks: Sequence[Candidate],
) -> list[list[PairOutcome]]:
    """Outcomes over input budgets (rows) x weight radii (columns), non-increasing along both.

    Images and weights are kept for one row of the grid only.

    Args:
        subject: model and examples.
        inputs: input threats of ascending budgets, the first 0.
        weights: weight threats of ascending radii, the first 0.
        steps: APGD steps over the weights.
        effort: of the input attack under perturbed weights.
        input_attacks: the input attack with the model's own weights, per budget.
        weight_attacks: the weight attack with clean images, per radius.
    """
    surface: list[list[PairOutcome]] = []
    above: list[AttackResult] = []
    for each, attack in zip(inputs, input_attacks, strict=True):
        candidate = input_candidate(subject, each, attack)
        row: list[AttackResult] = []
        for column, other in enumerate(weights):
            threat = JointThreat(each, other)
            smaller = [*row[-1:], *above[column : column + 1]]
            none_left = next((result for result in smaller if not result.robust.any()), None)
            if none_left is not None:
                row.append(_same_as(none_left, threat))
                continue
            pair = BudgetPair(
                subject=subject,
                threat=threat,
                steps=steps,
                effort=effort,
                input_attack=candidate,
                weight_attack=weight_attacks[column],
                smaller=smaller,
            )
            row.append(pair.attack())
            share = row[-1].robust.float().mean()
            subject.progress(f"joint {threat.label}: {share:.1%} robust, {row[-1].strongest}")
        surface.append([_outcome(result) for result in row])
        above = row
    return surface


def _same_as(smaller: AttackResult, threat: JointThreat) -> AttackResult:
    """The result of a smaller pair of budgets, for pairs where no example is left to attack."""
    broken = ~smaller.robust
    search = SearchReport(SMALLER, torch.zeros_like(broken), torch.zeros_like(broken))
    return AttackResult(threat, smaller.robust, smaller.images, smaller.weights, (search,))


def _outcome(result: AttackResult) -> PairOutcome:
    tried = {each.search: each.n_robust for each in result.searches}
    return PairOutcome(result.robust, str(result.strongest), tried)
