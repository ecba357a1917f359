"""Anomaly detection with contaminated training sets: methods, splits and what they are judged by.

The methods are those of :mod:`models_zoo.methods`, which has their cards.
"""

from __future__ import annotations

from benchmark.anomaly.adversarial import AdversarialAutoencoder
from benchmark.anomaly.autoencoder import (
    Autoencoder,
    EarlyStoppedAutoencoder,
    TrimmedAutoencoder,
)
from benchmark.anomaly.method import Detector, Method
from benchmark.anomaly.pyod_detectors import Ecod, NearestNeighbors
from benchmark.anomaly.rejecting import RejectingAutoencoder
from benchmark.anomaly.shallow import IsolatingForest, OneClassSvm
from benchmark.anomaly.splits import Run, TrainingSets, outliers_for, training_sets
from benchmark.anomaly.training import Budget, Training

METHODS: dict[str, type[Method]] = {
    "anomaly-ae": Autoencoder,
    "anomaly-ae-early": EarlyStoppedAutoencoder,
    "anomaly-ae-trimmed": TrimmedAutoencoder,
    "anomaly-aae": AdversarialAutoencoder,
    "anomaly-aae-rejecting": RejectingAutoencoder,
    "anomaly-ocsvm": OneClassSvm,
    "anomaly-iforest": IsolatingForest,
    "anomaly-ecod": Ecod,
    "anomaly-knn": NearestNeighbors,
}
"""The methods by the recipe on their card."""

__all__ = [
    "METHODS",
    "Budget",
    "Detector",
    "Method",
    "Run",
    "Training",
    "TrainingSets",
    "outliers_for",
    "training_sets",
]
