"""Can the outcome of an attack be believed, or does the model only look robust?"""

from benchmark.probes.checks.probe import ChecksProbe
from benchmark.probes.checks.settings import ChecksSettings

__all__ = ["ChecksProbe", "ChecksSettings"]
