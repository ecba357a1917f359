"""The probe for accuracy on corrupted images: noise, blur, weather, digital changes."""

from benchmark.probes.corruptions.probe import CorruptionsProbe
from benchmark.probes.corruptions.settings import CorruptionsSettings

__all__ = ["CorruptionsProbe", "CorruptionsSettings"]
