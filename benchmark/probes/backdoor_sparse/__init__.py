"""The probe for backdoors injected by few changed weights or bits."""

from benchmark.probes.backdoor_sparse.probe import SparseBackdoorProbe
from benchmark.probes.backdoor_sparse.settings import SparseBackdoorSettings

__all__ = ["SparseBackdoorProbe", "SparseBackdoorSettings"]
