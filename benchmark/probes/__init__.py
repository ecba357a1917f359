"""Probes: each evaluates one question about a model and returns scores, outcomes and charts."""

from benchmark.probes.probe import Probe
from benchmark.probes.registry import PROBES, register_installed, register_probe
from benchmark.probes.settings import ProbeSettings

register_installed()

__all__ = ["PROBES", "Probe", "ProbeSettings", "register_probe"]
