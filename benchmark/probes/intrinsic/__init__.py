"""How far predictions can be moved inside a small input ball, correct or not."""

from benchmark.probes.intrinsic.probe import IntrinsicProbe
from benchmark.probes.intrinsic.settings import IntrinsicSettings

__all__ = ["IntrinsicProbe", "IntrinsicSettings"]
