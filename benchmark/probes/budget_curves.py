"""Curves over budgets."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from benchmark.budgets import Budget
from benchmark.probes.probe import as_outcomes
from benchmark.results import Curve, Role, Score
from benchmark.statistics import proportion
from benchmark.threats import AnyThreat
from models_zoo.errors import InputError


def outcome_curve(
    picture: str,
    series: str,
    x_label: str,
    budgets: Sequence[float],
    outcomes: Sequence[Tensor],
    y_label: str = "accuracy",
    *,
    role: Role | None = None,
    threat: AnyThreat | None = None,
) -> Curve:
    """The share of true outcomes over budgets, with Wilson intervals.

    Args:
        picture: name of the chart.
        series: name of the curve in the chart.
        x_label: what the budgets are, with their unit.
        budgets: ascending.
        outcomes: bool (N,), one per budget.
        y_label: what the share is of.
        role: role of the outcomes.
        threat: the threat at the last budget.
    """
    scores = [proportion(as_outcomes(outcome)) for outcome in outcomes]
    return score_curve(
        picture, series, x_label, budgets, scores, y_label, "share", role=role, threat=threat
    )


def score_curve(
    picture: str,
    series: str,
    x_label: str,
    budgets: Sequence[float],
    scores: Sequence[Score],
    y_label: str,
    unit: str,
    *,
    role: Role | None = None,
    threat: AnyThreat | None = None,
) -> Curve:
    """Scores over budgets; ``unit`` is that of the scores, the rest as in :func:`outcome_curve`."""
    return Curve(
        picture=picture,
        series=series,
        x_label=x_label,
        y_label=y_label,
        x=list(budgets),
        x_text=[Budget.of(budget).text for budget in budgets],
        y=list(scores),
        unit=unit,
        role=role,
        threat=threat,
    )


def require_among(name: str, headline: Budget, budgets: Sequence[Budget]) -> None:
    """Check that a headline budget is one of the budgets that are attacked.

    Raises:
        InputError: it is not.
    """
    if headline not in budgets:
        texts = ", ".join(budget.text for budget in budgets)
        raise InputError(f"{name} = {headline.text} is not one of its budgets {texts}")
