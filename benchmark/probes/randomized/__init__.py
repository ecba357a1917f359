"""The probe for models that draw random numbers."""

from benchmark.probes.randomized.probe import RandomizedProbe
from benchmark.probes.randomized.settings import RandomizedSettings

__all__ = ["RandomizedProbe", "RandomizedSettings"]
