"""Iterative training set refinement: an adversarial autoencoder that rejects likely outliers.

Reconstructed from a detailed review of the source; the text of the paper was not at hand. After
pretraining, a one-class SVM on the codes names candidates in every round, which the next epochs
leave out. At the end, those candidates whose error is still large get a negative weight: the
autoencoder is trained to reconstruct them badly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from benchmark.anomaly.adversarial import AdversarialAutoencoder, detector_of
from benchmark.anomaly.method import Detector, Watched
from benchmark.anomaly.splits import TrainingSets
from benchmark.anomaly.training import Budget, Counted, Training

NEGATIVE_SHARE = 0.1
"""The negative weights of a run sum to less than this share of its positive ones."""


class RejectingAutoencoder(AdversarialAutoencoder):
    """The adversarial autoencoder with rejection.

    A third of the epochs are for pretraining, for the rounds and for retraining each, so that it is
    trained as long as the other methods.
    """

    def fit(self, data: TrainingSets, budget: Budget, watch: Watched, counted: Counted) -> Detector:
        """Train, reject and train again; see :meth:`Method.fit`."""
        training = self.begin(data, budget, watch, counted)
        rounds = int(self.number("rounds"))
        before, each, after = phases(self.epochs(budget), rounds)
        candidates = torch.zeros(data.outlier.shape, dtype=torch.bool)
        counts = []
        training.run(before)
        for _ in range(rounds):
            candidates |= self.candidates(training)
            counts.append(candidates.sum(1).tolist())
            training.weights = (~candidates).float().to(training.weights.device)
            training.run(each)
        training.weights = retraining_weights(
            candidates,
            training.errors(data.images).cpu(),
            self.number("retrained_percentile"),
            self.number("rejected_weight"),
        ).to(training.weights.device)
        training.run(after)
        return replace(
            detector_of(training), candidates=candidates.numpy(), candidate_counts=counts
        )

    def candidates(self, training: Training) -> Tensor:
        """Bool (R, n): what a one-class SVM on the codes of all training examples leaves outside.

        Its kernel width is scikit-learn's ``scale``.
        """
        from sklearn.svm import OneClassSVM

        found = [
            OneClassSVM(kernel="rbf", gamma="scale", nu=self.number("nu")).fit_predict(codes) == -1
            for codes in training.codes(training.data.images).double().cpu().numpy()
        ]
        return torch.from_numpy(np.stack(found))


def phases(epochs: int, rounds: int) -> tuple[int, int, int]:
    """Epochs of pretraining, of each round and of retraining, which sum to all epochs."""
    each = epochs // 3 // rounds
    before = (epochs - each * rounds) // 2
    return before, each, epochs - each * rounds - before


def retraining_weights(
    candidates: Tensor, errors: Tensor, percentile: float, weight: float
) -> Tensor:
    """Weights (R, n) for retraining: 1 for all but candidates, 0 or negative for these.

    Args:
        candidates: bool (R, n).
        errors: (R, n).
        percentile: of the errors of a run's candidates; those above it get the negative weight.
        weight: below 0; nearer to 0 where the sum would exceed :data:`NEGATIVE_SHARE`.
    """
    weights = (~candidates).float()
    for own, chosen, error in zip(weights, candidates, errors, strict=True):
        if not chosen.any():
            continue
        limit = np.percentile(error[chosen].double().numpy(), percentile)
        rejected = chosen & (error.double() > float(limit))
        count = int(rejected.sum())
        if count:
            most = 0.99 * NEGATIVE_SHARE * float(own.sum()) / count
            own[rejected] = -min(-weight, most)
    return weights
