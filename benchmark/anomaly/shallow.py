"""Detectors that train no network, and those of scikit-learn."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Generator, Tensor

from benchmark.anomaly.method import UNOBSERVED, Array, Detector, Method, Observer, Scores
from benchmark.anomaly.splits import TrainingSets
from benchmark.anomaly.training import Budget

Score = Callable[[Array], Array]
"""From images (m, D) to scores (m,), larger for more anomalous ones."""


@dataclass(frozen=True)
class Fitted:
    """The detector of one run.

    Attributes:
        score: of images.
        training: (n,), scores of the training examples; ``None`` for those that ``score`` gives.
    """

    score: Score
    training: Array | None = None


class Shallow(Method):
    """A detector that is fitted to each run on its own."""

    has_epochs = False
    score_name = "score"

    def fit(self, data: TrainingSets, budget: Budget, observer: Observer = UNOBSERVED) -> Detector:
        """Fit; see :meth:`Method.fit`."""
        fitted = []
        for images, generator in zip(data.images, data.generators("detector"), strict=True):
            start = time.perf_counter()
            fitted.append(self.fit_one(images.double().cpu().numpy(), generator))
            observer.counted(len(images), time.perf_counter() - start)
        kept = np.ones(data.outlier.shape, bool)
        training = [each.training for each in fitted if each.training is not None]
        return Detector(
            partial(self._scores, fitted),
            kept,
            training={self.score_name: np.stack(training)} if training else None,
        )

    @abstractmethod
    def fit_one(self, images: Array, generator: Generator) -> Fitted:
        """Fit the detector of one run.

        Args:
            images: float64 (n, D).
            generator: for its random numbers.
        """

    def _scores(self, fitted: list[Fitted], images: Tensor) -> Scores:
        own = images.double().cpu().numpy()
        scores = [run.score(each) for run, each in zip(fitted, own, strict=True)]
        return {self.score_name: np.stack(scores)}


class OneClassSvm(Shallow):
    """A one-class SVM on principal components."""

    def fit_one(self, images: Array, generator: Generator) -> Fitted:
        """Fit; see :meth:`Shallow.fit_one`."""
        from sklearn.decomposition import PCA
        from sklearn.pipeline import make_pipeline
        from sklearn.svm import OneClassSVM

        components = min(int(self.number("components")), *images.shape)
        model = make_pipeline(
            PCA(components, svd_solver="full"), OneClassSVM(nu=self.number("nu"), gamma="scale")
        ).fit(images)
        return Fitted(lambda given: -np.asarray(model.decision_function(given), np.float64))


class IsolatingForest(Shallow):
    """An isolation forest."""

    def fit_one(self, images: Array, generator: Generator) -> Fitted:
        """Fit; see :meth:`Shallow.fit_one`."""
        from sklearn.ensemble import IsolationForest

        model = IsolationForest(
            n_estimators=int(self.number("trees")),
            random_state=generator.initial_seed() % 2**32,
        ).fit(images)
        return Fitted(lambda given: -np.asarray(model.score_samples(given), np.float64))
