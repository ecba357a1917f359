"""Loss landscapes: the loss along directions in weight space, the decision around an image."""

from benchmark.landscape.curves import loss_curves, loss_grid
from benchmark.landscape.decision import decision_surfaces
from benchmark.landscape.directions import filter_normalized, moved
from benchmark.landscape.landscape import Landscape, LandscapeSettings, measure_landscape
from benchmark.landscape.results import DecisionSurface, LossCurves, LossGrid

__all__ = [
    "DecisionSurface",
    "Landscape",
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
