"""Curves over ladders of budgets."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from benchmark.probes.probe import bits
from benchmark.results import Curve, Score
from benchmark.statistics import proportion
from models_zoo.errors import InputError


def budget_text(budget: float) -> str:
    """A budget as people write it: ``0.25``, or in 255ths where that is shorter."""
    plain = f"{budget:g}"
    levels = budget * 255
    if len(plain) > 5 and 1 <= round(levels) <= 255 and abs(levels - round(levels)) < 1e-6:
        return f"{round(levels)}/255"
    return plain


def outcome_curve(
    picture: str,
    series: str,
    x_label: str,
    budgets: Sequence[float],
    outcomes: Sequence[Tensor],
    y_label: str = "accuracy",
) -> Curve:
    """The share of true outcomes over budgets, with Wilson intervals.

    Args:
        picture: which picture it belongs to.
        series: its name in that picture.
        x_label: what the budgets are, with their unit.
        budgets: ascending.
        outcomes: bool (N,), one a budget.
        y_label: what the share is of.
    """
    scores = [proportion(bits(outcome)) for outcome in outcomes]
    return score_curve(picture, series, x_label, budgets, scores, y_label)


def score_curve(
    picture: str,
    series: str,
    x_label: str,
    budgets: Sequence[float],
    scores: Sequence[Score],
    y_label: str,
) -> Curve:
    """Any score over budgets; arguments as in :func:`outcome_curve`."""
    return Curve(
        picture=picture,
        series=series,
        x_label=x_label,
        y_label=y_label,
        x=list(budgets),
        x_text=[budget_text(budget) for budget in budgets],
        y=list(scores),
    )


def require_rung(name: str, headline: float, ladder: Sequence[float]) -> None:
    """Check that a headline budget is a rung of its ladder.

    Raises:
        InputError: it is not.
    """
    if headline not in ladder:
        raise InputError(f"{name} = {headline:g} is not on its ladder {list(ladder)}")
