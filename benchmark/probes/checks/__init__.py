"""The probe that checks whether outcomes of attacks can be trusted."""

from benchmark.probes.checks.probe import ChecksProbe
from benchmark.probes.checks.settings import ChecksSettings

__all__ = ["ChecksProbe", "ChecksSettings"]
