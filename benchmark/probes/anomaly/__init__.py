"""The probe for training methods of anomaly detection."""

from benchmark.probes.anomaly.probe import AnomalyProbe
from benchmark.probes.anomaly.settings import AnomalySettings

__all__ = ["AnomalyProbe", "AnomalySettings"]
