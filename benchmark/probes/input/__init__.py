"""The probe for robust accuracy in input balls."""

from benchmark.probes.input.probe import InputProbe
from benchmark.probes.input.settings import InputSettings

__all__ = ["InputProbe", "InputSettings"]
