"""How small a weight change injects a backdoor."""

from benchmark.probes.backdoor.probe import BackdoorProbe
from benchmark.probes.backdoor.settings import BackdoorSettings

__all__ = ["BackdoorProbe", "BackdoorSettings"]
