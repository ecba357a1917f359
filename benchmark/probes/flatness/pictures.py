"""Curves of flatness over the radii of the weight balls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from benchmark.measures.robust_loss import LossIncrease
from benchmark.probes.budget_curves import score_curve
from benchmark.results import Curve
from benchmark.statistics import exact, mean
from benchmark.threats import WeightThreat

Y_LABELS = {"loss": "increase of the loss (nats)", "error": "increase of the share misclassified"}
UNITS = {"loss": "nats", "error": "share"}


def increase_curves(
    case: str,
    threat: Callable[[float], WeightThreat],
    found: Mapping[str, Mapping[float, LossIncrease]],
    n: int,
) -> list[Curve]:
    """Increases of loss and of error over radii, a curve for each loss that has several.

    Args:
        case: ``"average"`` or ``"worst"``, for the names of the charts.
        threat: the weight ball of a radius.
        found: increases by loss and radius; where one holds several draws, their mean is shown.
        n: number of examples or draws of a score that is not a mean.
    """
    return [
        _curve(case, threat, loss, increases, what, n)
        for what in Y_LABELS
        for loss, increases in found.items()
        if len(increases) > 1
    ]


def _curve(
    case: str,
    threat: Callable[[float], WeightThreat],
    loss: str,
    increases: Mapping[float, LossIncrease],
    what: str,
    n: int,
) -> Curve:
    radii = sorted(radius for radius in increases if radius > 0)
    values = [np.atleast_1d(getattr(increases[radius], what).cpu().numpy()) for radius in radii]
    scores = [mean(each) if case == "average" else exact(float(each[0]), n) for each in values]
    last = threat(radii[-1] if radii else 0.0)
    return score_curve(
        f"{case}_case_{what}",
        loss,
        f"{last.geometry} radius",
        [0.0, *radii],
        [exact(0.0, n), *scores],
        Y_LABELS[what],
        UNITS[what],
        role="control" if case == "average" else "budget",
        threat=last,
    )
