"""The probe for minimal adversarial distances."""

from benchmark.probes.distance.probe import DistanceProbe
from benchmark.probes.distance.settings import DistanceSettings

__all__ = ["DistanceProbe", "DistanceSettings"]
