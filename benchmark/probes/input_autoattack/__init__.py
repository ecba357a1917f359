"""The reference: AutoAttack's standard version, to compare our own numbers with."""

from benchmark.probes.input_autoattack.probe import AutoAttackProbe
from benchmark.probes.input_autoattack.settings import AutoAttackSettings

__all__ = ["AutoAttackProbe", "AutoAttackSettings"]
