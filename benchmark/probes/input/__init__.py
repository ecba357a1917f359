"""Robust accuracy inside input balls, over ascending budgets."""

from benchmark.probes.input.probe import InputProbe
from benchmark.probes.input.settings import InputSettings

__all__ = ["InputProbe", "InputSettings"]
