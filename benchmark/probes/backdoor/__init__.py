"""The probe for backdoors injected by small weight perturbations."""

from benchmark.probes.backdoor.probe import BackdoorProbe
from benchmark.probes.backdoor.settings import BackdoorSettings

__all__ = ["BackdoorProbe", "BackdoorSettings"]
