"""Charts of the randomized probe: survival over queries, and how failure rates are distributed."""

from __future__ import annotations

import numpy as np

from benchmark.probes.budget_curves import score_curve
from benchmark.results import Bars, Curve, Outcomes
from benchmark.statistics import expected_survival, proportion

QUERIES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Numbers of queries on the curve, as far as there are draws to tell."""

RATES = (0.0, 0.01, 0.1, 0.5, 0.9, 0.99)
"""Ends of the classes of failure rates, above which the next class begins."""

ATTACKED, FLOOR = "under attack", "noise floor (no perturbation)"
"""Names of the series."""


def survival_curves(right: Outcomes, clean: Outcomes, *, shared: bool) -> list[Curve]:
    """The probability of a correct answer at each of several queries.

    Args:
        right: bool (R, N), whether a draw classifies a perturbed example correctly.
        clean: bool (R, N), the same for the unperturbed example.
        shared: whether all examples have the same draws.
    """
    queries = [each for each in QUERIES if each <= len(right)]
    return [
        score_curve(
            "survives",
            series,
            "queries",
            [float(each) for each in queries],
            [expected_survival(bits, each, shared=shared) for each in queries],
            "correct at every query",
            "share",
        )
        for series, bits in ((ATTACKED, right), (FLOOR, clean))
    ]


def failure_bars(right: Outcomes, clean: Outcomes) -> list[Bars]:
    """The share of examples by failure rate.

    Args:
        right: bool (R, N), whether a draw classifies a perturbed example correctly.
        clean: bool (R, N), the same for the unperturbed example.
    """
    names = ["never", *map(_between, RATES, RATES[1:]), f"over {RATES[-1]:.0%}"]
    bars = []
    for series, bits in ((ATTACKED, right), (FLOOR, clean)):
        kind = np.searchsorted(RATES, 1 - bits.mean(0), side="left")
        bars.append(
            Bars(
                picture="failures",
                series=series,
                x_label="share of the draws that misclassify an example",
                y_label="share of examples",
                names=names,
                y=[proportion(kind == place) for place in range(len(names))],
                unit="share",
            )
        )
    return bars


def _between(low: float, high: float) -> str:
    return f"{low:.0%} to {high:.0%}"
