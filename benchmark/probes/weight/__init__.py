"""The probe for accuracy and loss under weight perturbations."""

from benchmark.probes.weight.probe import WeightProbe
from benchmark.probes.weight.settings import WeightSettings

__all__ = ["WeightProbe", "WeightSettings"]
