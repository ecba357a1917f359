"""The probe for flatness at the same confidence for all models."""

from benchmark.probes.matched_flatness.probe import MatchedFlatnessProbe
from benchmark.probes.matched_flatness.settings import MatchedFlatnessSettings

__all__ = ["MatchedFlatnessProbe", "MatchedFlatnessSettings"]
