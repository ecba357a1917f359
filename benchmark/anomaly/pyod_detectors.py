"""Detectors of pyod (Zhao, Nasrullah and Li 2019), which is not installed by default.

pyod scores the examples that a detector was fitted to, ``decision_scores_``, and further ones,
``decision_function``, in different ways, so thresholds are set on the former. Its own thresholds,
from ``contamination``, are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Generator

from benchmark.anomaly.method import Array
from benchmark.anomaly.shallow import Fitted, Shallow
from models_zoo.sources.optional import require


class PyodDetector(Shallow):
    """A detector of pyod.

    Args:
        settings: its constants, from its card.

    Raises:
        InputError: pyod is not installed.
    """

    module = ""
    name = ""

    def __init__(self, settings: Mapping[str, float | int | str | bool]) -> None:
        super().__init__(settings)
        found = require(f"pyod.models.{self.module}", extra="pyod", purpose="detectors of pyod")
        self.detector: Any = getattr(found, self.name)


class NearestNeighbors(PyodDetector):
    """The distance to the k-th nearest training example (Ramaswamy, Rastogi and Shim 2000).

    A training example is no neighbor of itself: the function for further images would find it at
    distance 0, and thresholds would be those of one neighbor less.
    """

    module, name = "knn", "KNN"

    def fit_one(self, images: Array, generator: Generator) -> Fitted:
        """Fit; see :meth:`Shallow.fit_one`."""
        neighbors = min(int(self.number("neighbors")), len(images) - 1)
        model = self.detector(n_neighbors=neighbors).fit(images)
        return Fitted(model.decision_function, np.asarray(model.decision_scores_, np.float64))


class Ecod(PyodDetector):
    """Tails of the empirical distribution of each principal component (Li et al. 2022).

    The distribution that pyod takes for further images is that of the training set and of all
    images that it is given with them. They are given one by one here: the score of an image does
    not depend on the others, most of which are anomalies in a test set.
    """

    module, name = "ecod", "ECOD"

    def fit_one(self, images: Array, generator: Generator) -> Fitted:
        """Fit; see :meth:`Shallow.fit_one`."""
        from sklearn.decomposition import PCA

        # Of components without variance, ranks would be those of rounding errors.
        rank = int(np.linalg.matrix_rank(images - images.mean(0)))
        components = max(1, min(int(self.number("components")), rank))
        projection = PCA(components, svd_solver="full").fit(images)
        model = self.detector().fit(projection.transform(images))

        def score(given: Array) -> Array:
            rows = projection.transform(given)
            return np.concatenate([model.decision_function(row[None]) for row in rows])

        return Fitted(score, np.asarray(model.decision_scores_, np.float64))
