"""The probe for backdoors injected into models of texts."""

from benchmark.probes.text_backdoor.probe import TextBackdoorProbe
from benchmark.probes.text_backdoor.settings import TextBackdoorSettings

__all__ = ["TextBackdoorProbe", "TextBackdoorSettings"]
