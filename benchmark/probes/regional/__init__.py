"""The probe for perturbations of a part of the image, white-box and transferred."""

from benchmark.probes.regional.probe import RegionalProbe
from benchmark.probes.regional.settings import RegionalSettings

__all__ = ["RegionalProbe", "RegionalSettings"]
