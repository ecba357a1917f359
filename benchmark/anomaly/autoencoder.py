"""Autoencoders: trained to the end, stopped early, or with a trimmed loss."""

from __future__ import annotations

from functools import partial

import numpy as np
from torch import Tensor

from benchmark.anomaly.method import ERROR, UNOBSERVED, Array, Detector, Method, Observer, Scores
from benchmark.anomaly.networks import Autoencoders
from benchmark.anomaly.splits import TrainingSets
from benchmark.anomaly.training import Budget, Training


class Autoencoder(Method):
    """A plain autoencoder, trained to the end."""

    trimmed = 0.0

    def fit(self, data: TrainingSets, budget: Budget, observer: Observer = UNOBSERVED) -> Detector:
        """Train; see :meth:`Method.fit`."""
        networks = Autoencoders(
            data.images.shape[2],
            budget.hidden,
            int(self.number("latent")),
            data.generators("networks"),
            adversarial=False,
        )
        training = Training(
            *(data, networks, budget),
            lambda epoch, now: observer.watch(epoch, detector_of(now)),
            observer.counted,
            trimmed=self.trimmed,
            unfinished=observer.unfinished,
        )
        training.run_until(self.epochs(budget))
        return detector_of(training)


class EarlyStoppedAutoencoder(Autoencoder):
    """The same, stopped after the epochs that the battery names.

    A rule that looks at errors cannot tell when outliers begin to be fitted without knowing them,
    so the battery names the number.
    """

    def epochs(self, budget: Budget) -> int:
        """Few."""
        return min(budget.early_epochs, budget.epochs)


class TrimmedAutoencoder(Autoencoder):
    """An autoencoder whose loss leaves out the largest errors of every batch."""

    @property
    def trimmed(self) -> float:  # type: ignore[override]
        """Share of the errors that are left out."""
        return self.number("trimmed")


def detector_of(training: Training) -> Detector:
    """The detectors by reconstruction error, as they are now."""
    return Detector(partial(_scores, training), training.kept.cpu().numpy())


def _scores(training: Training, images: Tensor) -> Scores:
    return {ERROR: as_array(training.errors(images))}


def as_array(values: Tensor) -> Array:
    """As float64."""
    return np.asarray(values.double().cpu().numpy(), np.float64)
