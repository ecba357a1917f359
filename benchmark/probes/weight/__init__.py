"""Accuracy and loss under the worst weight perturbation found, over ascending radii."""

from benchmark.probes.weight.probe import WeightProbe
from benchmark.probes.weight.settings import WeightSettings

__all__ = ["WeightProbe", "WeightSettings"]
