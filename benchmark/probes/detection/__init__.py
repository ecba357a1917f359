"""The probe for the detection of adversarial images."""

from benchmark.probes.detection.probe import DetectionProbe
from benchmark.probes.detection.settings import DetectionSettings

__all__ = ["DetectionProbe", "DetectionSettings"]
