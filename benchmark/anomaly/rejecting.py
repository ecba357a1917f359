"""Iterative training set refinement: an adversarial autoencoder that rejects likely outliers.

Reconstructed from a detailed review of the source; the text of the paper was not at hand. After
pretraining, a one-class SVM on the codes names candidates in every round, which the next epochs
leave out. At the end, those candidates whose error is still large get a negative weight: the
autoencoder is trained to reconstruct them badly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.anomaly.adversarial import AdversarialAutoencoder, detector_of
from benchmark.anomaly.method import UNOBSERVED, Detector, Observer, require_finite
from benchmark.anomaly.splits import TrainingSets
from benchmark.anomaly.training import Budget, Training

NEGATIVE_SHARE = 0.1
"""The negative weights of a run sum to less than this share of its positive ones."""


class RejectingAutoencoder(AdversarialAutoencoder):
    """The adversarial autoencoder with rejection.

    A third of the epochs are for pretraining, for the rounds and for retraining each, so that it is
    trained as long as the other methods.
    """

    def fit(self, data: TrainingSets, budget: Budget, observer: Observer = UNOBSERVED) -> Detector:
        """Train, reject and train again; see :meth:`Method.fit`."""
        training = self.begin(data, budget, observer)
        rounds, epochs = int(self.number("rounds")), self.epochs(budget)
        before, each, after = phases(epochs, rounds)
        rejection = Rejection(torch.zeros(data.outlier.shape, dtype=torch.bool))
        training.parts["rejection"] = rejection
        for number in range(rounds):
            training.run_until(before + number * each)
            if len(rejection.counts) == number:  # not done before an interruption
                rejection.add(self.candidates(training))
                training.weights = (~rejection.candidates).float().to(training.weights.device)
        training.run_until(epochs - after)
        if not rejection.ended:
            rejection.ended = True
            training.weights = retraining_weights(
                rejection.candidates,
                training.errors(data.images).cpu(),
                self.number("retrained_percentile"),
                self.number("rejected_weight"),
            ).to(training.weights.device)
        training.run_until(epochs)
        return replace(
            detector_of(training),
            candidates=rejection.candidates.numpy(),
            candidate_counts=rejection.counts,
        )

    def candidates(self, training: Training) -> Tensor:
        """Bool (R, n): what a one-class SVM on the codes of all training examples leaves outside.

        Its kernel width is scikit-learn's ``scale``.
        """
        from sklearn.svm import OneClassSVM

        codes_of_runs = training.codes(training.data.images).double().cpu().numpy()
        require_finite(codes_of_runs, training.data.runs)
        found = [
            OneClassSVM(kernel="rbf", gamma="scale", nu=self.number("nu")).fit_predict(codes) == -1
            for codes in codes_of_runs
        ]
        return torch.from_numpy(np.stack(found))


@dataclass
class Rejection:
    """How far the rejection is.

    Attributes:
        candidates: bool (R, n), those of all rounds so far.
        counts: by round, the number of candidates of each run.
        ended: whether the weights are those of retraining.
    """

    candidates: Tensor
    counts: list[list[int]] = field(default_factory=list)
    ended: bool = False

    def add(self, candidates: Tensor) -> None:
        """Add the candidates (R, n) of a round."""
        self.candidates = self.candidates | candidates
        self.counts.append(self.candidates.sum(1).tolist())

    def state_dict(self) -> dict[str, Any]:
        """All of it."""
        return {"candidates": self.candidates, "counts": self.counts, "ended": self.ended}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` returned."""
        self.candidates, self.counts = state["candidates"], state["counts"]
        self.ended = state["ended"]


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
