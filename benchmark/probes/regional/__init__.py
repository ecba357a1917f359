"""How little of an image must change, and whether such examples carry over between models."""

from benchmark.probes.regional.probe import RegionalProbe
from benchmark.probes.regional.settings import RegionalSettings

__all__ = ["RegionalProbe", "RegionalSettings"]
