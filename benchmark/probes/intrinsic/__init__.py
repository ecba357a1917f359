"""The probe for the maximum divergence of predictions in input balls."""

from benchmark.probes.intrinsic.probe import IntrinsicProbe
from benchmark.probes.intrinsic.settings import IntrinsicSettings

__all__ = ["IntrinsicProbe", "IntrinsicSettings"]
