"""How many passes the input attack takes, from rough distances of some examples.

An example costs little where its distance is far from the budget on either side, and most where it
is close: the searches from cheap to expensive all run on it. The tables are fitted on eight models
(``perf/cost_model.py`` names them) with the exact passes of the effort ``standard``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.work import Work

Counts = NDArray[np.float64]

EDGES = {"linf": (0.8, 0.95, 1.0, 1.05, 1.3), "l2": (0.8, 0.95, 1.05, 1.3, 1.8)}
"""Ratios of distance and budget that separate the classes of :data:`PASSES`, by norm."""

PASSES = {
    "linf": (5.0, 80.0, 700.0, 2300.0, 450.0, 50.0),
    "l2": (15.0, 520.0, 1850.0, 2100.0, 2050.0, 870.0),
}
"""Passes of an example at a budget, by the ratio of its distance and the budget."""

CALLS = {"linf": (8.0, 220.0, 570.0), "l2": (10.0, 1300.0, 750.0)}
"""Calls at a budget: those of the first search, those of the searches on examples that it does not
break, and those of the searches on the closest. The number of examples hardly changes them as long
as they fit into one batch."""

NOT_BROKEN_AT_ONCE = {"linf": 0.9, "l2": 0.75}
"""Ratio from which the second search runs on an example, by norm."""

CLOSEST = {"linf": (0.96, 1.1), "l2": (0.9, 1.2)}
"""Ratios between which the last searches run on it."""

BATCH = 256
"""Images per batch beyond which there are more calls: restarts of the closest examples fill it."""


def passes_at(norm: str, ratios: Counts) -> float:
    """Passes at one budget.

    Args:
        norm: ``"linf"`` or ``"l2"``.
        ratios: distances of the attacked examples, in budgets.
    """
    counts = np.bincount(np.digitize(ratios, EDGES[norm]), minlength=len(PASSES[norm]))
    return float(counts @ np.array(PASSES[norm]))


def calls_at(norm: str, ratios: Counts, scale: float) -> float:
    """Calls at one budget, besides those of further batches.

    Args:
        norm: ``"linf"`` or ``"l2"``.
        ratios: distances of the attacked examples, in budgets.
        scale: number of examples per example that was tried.
    """
    first, some, closest = CALLS[norm]
    left = scale * float((ratios > NOT_BROKEN_AT_ONCE[norm]).sum())
    least, most = CLOSEST[norm]
    close = scale * float(((ratios > least) & (ratios < most)).sum())
    calls = some * -math.expm1(-left) + closest * -math.expm1(-close)
    return first * (len(ratios) > 0) + calls


def input_work(
    distances: Counts, norm: str, budgets: Sequence[float], examples: int, batch_size: int
) -> Work:
    """Passes of the effort ``standard`` at all budgets of a norm.

    Args:
        distances: rough distances of some examples, 0 where the clean image is misclassified.
        norm: ``"linf"`` or ``"l2"``.
        budgets: radii.
        examples: number of examples that will be attacked.
        batch_size: images per batch.
    """
    scale = examples / len(distances)
    passes = calls = 0.0
    larger = math.inf
    for eps in sorted(budgets, reverse=True):
        if eps > 0:
            attacked = distances[(distances > 0) & (distances < larger)]
            passes += scale * passes_at(norm, attacked / eps)
            calls += calls_at(norm, attacked / eps, scale)
        larger = eps  # the next smaller budget is tried on examples broken at this one
    return Work(passes, calls + passes / min(batch_size, BATCH))
