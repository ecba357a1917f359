"""Loss landscapes in weight space, and decision surfaces around images."""

from benchmark.landscape.curves import loss_curves, loss_grid
from benchmark.landscape.decision import decision_surfaces
from benchmark.landscape.directions import filter_normalized, moved
from benchmark.landscape.landscape import Landscape, LandscapeSettings, measure_landscape
from benchmark.landscape.results import (
    LOSS_NAMES,
    DecisionSurface,
    LandscapeIncrease,
    LossCurves,
    LossGrid,
)

__all__ = [
    "LOSS_NAMES",
    "DecisionSurface",
    "Landscape",
    "LandscapeIncrease",
    "LandscapeSettings",
    "LossCurves",
    "LossGrid",
    "decision_surfaces",
    "filter_normalized",
    "loss_curves",
    "loss_grid",
    "measure_landscape",
    "moved",
]
