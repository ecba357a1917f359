"""The adversarial autoencoder: its codes are pushed to a standard normal distribution."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from benchmark.anomaly.autoencoder import as_array
from benchmark.anomaly.method import (
    ERROR,
    UNLIKELIHOOD,
    UNOBSERVED,
    Detector,
    Method,
    Observer,
    Scores,
)
from benchmark.anomaly.networks import Autoencoders, errors_of
from benchmark.anomaly.splits import TrainingSets
from benchmark.anomaly.training import Budget, Training


class AdversarialAutoencoder(Method):
    """An adversarial autoencoder, trained to the end on all examples."""

    def fit(self, data: TrainingSets, budget: Budget, observer: Observer = UNOBSERVED) -> Detector:
        """Train; see :meth:`Method.fit`."""
        training = self.begin(data, budget, observer)
        training.run_until(self.epochs(budget))
        return detector_of(training)

    def begin(
        self, data: TrainingSets, budget: Budget, observer: Observer = UNOBSERVED
    ) -> Training:
        """The training before its first epoch."""
        networks = Autoencoders(
            data.images.shape[2],
            budget.hidden,
            int(self.number("latent")),
            data.generators("networks"),
            adversarial=True,
        )
        return Training(
            *(data, networks, budget),
            lambda epoch, now: observer.watch(epoch, detector_of(now)),
            observer.counted,
            unfinished=observer.unfinished,
        )


def detector_of(training: Training) -> Detector:
    """The detectors by error and by likelihood, as they are now."""
    return Detector(partial(_scores, training), training.kept.cpu().numpy())


@torch.no_grad()
def _scores(training: Training, images: Tensor) -> Scores:
    codes = training.codes(images)
    errors = errors_of(images, training.networks.decoded(codes))
    return {ERROR: as_array(errors), UNLIKELIHOOD: -as_array(log_likelihood(codes))}


def log_likelihood(codes: Tensor) -> Tensor:
    """Log-density (R, m) of codes (R, m, d) under the standard normal distribution."""
    return -codes.square().sum(-1) / 2 - codes.shape[-1] / 2 * math.log(2 * math.pi)
