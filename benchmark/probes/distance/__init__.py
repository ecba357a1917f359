"""Robust accuracy at all budgets, from each example's minimal distance."""

from benchmark.probes.distance.probe import DistanceProbe
from benchmark.probes.distance.settings import DistanceSettings

__all__ = ["DistanceProbe", "DistanceSettings"]
