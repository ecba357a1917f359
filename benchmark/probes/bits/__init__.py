"""The probe for bit errors and bit-flip attacks on stored weights."""

from benchmark.probes.bits.probe import BitsProbe
from benchmark.probes.bits.settings import BitsSettings

__all__ = ["BitsProbe", "BitsSettings"]
