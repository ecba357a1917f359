"""The probe for backdoors injected into models of texts by few changed weights or bits."""

from benchmark.probes.text_backdoor_sparse.probe import TextSparseBackdoorProbe
from benchmark.probes.text_backdoor_sparse.settings import TextSparseBackdoorSettings

__all__ = ["TextSparseBackdoorProbe", "TextSparseBackdoorSettings"]
