"""Curves of flatness over the radii of the weight balls."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmark.measures.robust_loss import Rise
from benchmark.probes.ladders import score_curve
from benchmark.results import Curve
from benchmark.statistics import exact, mean

Y_LABELS = {"loss": "rise of the loss (nats)", "error": "rise of the share misclassified"}


def rise_curves(
    case: str, geometry: str, found: Mapping[str, Mapping[float, Rise]], n: int
) -> list[Curve]:
    """Rises of loss and of error over radii, a curve for each loss that has more than one.

    Args:
        case: ``"average"`` or ``"worst"``, for the names of the pictures.
        geometry: of the weight balls, for the axis.
        found: rises by loss and radius; where one holds several draws, their mean is shown.
        n: examples or draws behind a number that is not a mean.
    """
    return [
        _curve(case, geometry, loss, rises, what, n)
        for what in Y_LABELS
        for loss, rises in found.items()
        if len(rises) > 1
    ]


def _curve(
    case: str, geometry: str, loss: str, rises: Mapping[float, Rise], what: str, n: int
) -> Curve:
    radii = sorted(radius for radius in rises if radius > 0)
    values = [np.atleast_1d(getattr(rises[radius], what).cpu().numpy()) for radius in radii]
    scores = [mean(each) if case == "average" else exact(float(each[0]), n) for each in values]
    return score_curve(
        f"{case}_case_{what}",
        loss,
        f"{geometry} radius",
        [0.0, *radii],
        [exact(0.0, n), *scores],
        Y_LABELS[what],
    )
