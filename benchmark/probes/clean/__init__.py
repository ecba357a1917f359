"""Clean accuracy and cross-entropy: where every other probe starts."""

from benchmark.probes.clean.probe import CleanProbe

__all__ = ["CleanProbe"]
