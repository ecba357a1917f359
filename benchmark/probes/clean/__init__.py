"""The probe for clean accuracy and cross-entropy."""

from benchmark.probes.clean.probe import CleanProbe

__all__ = ["CleanProbe"]
