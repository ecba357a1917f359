"""The reference probe: AutoAttack's standard version."""

from benchmark.probes.input_autoattack.probe import AutoAttackProbe
from benchmark.probes.input_autoattack.settings import AutoAttackSettings

__all__ = ["AutoAttackProbe", "AutoAttackSettings"]
