"""Accuracy when bits of the stored weights flip, at random or chosen by an adversary."""

from benchmark.probes.bits.probe import BitsProbe
from benchmark.probes.bits.settings import BitsSettings

__all__ = ["BitsProbe", "BitsSettings"]
