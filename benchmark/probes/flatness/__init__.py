"""The probe for flatness of the clean and of the robust loss."""

from benchmark.probes.flatness.probe import FlatnessProbe
from benchmark.probes.flatness.settings import FlatnessSettings

__all__ = ["FlatnessProbe", "FlatnessSettings"]
