"""The course of training: balanced accuracy and errors of the training set after some epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.anomaly import Detector, TrainingSets
from benchmark.anomaly.judging import balanced_accuracy
from benchmark.anomaly.method import ERROR, Array

POINTS = 12
"""About how many epochs are looked at, closer to each other at the beginning."""

_SEEN = ("balanced", "inliers", "outliers")
"""What a course has for every epoch."""


def epochs_shown(last: int) -> list[int]:
    """The epochs that are looked at, ascending, with the first and the last."""
    return sorted({round(each) for each in np.geomspace(1, last, POINTS)})


@dataclass
class Course:
    """What is seen of R runs while they are trained.

    Attributes:
        data: the training sets.
        images: (M, C, H, W), test images.
        labels: (M,).
        shown: epochs that are looked at.
        epochs: those that were.
        balanced: (R,), balanced accuracy after each of them.
        inliers: (R,), mean error of the normal training examples.
        outliers: (R,), of the outliers; NaN without any.
    """

    data: TrainingSets
    images: Tensor
    labels: NDArray[np.int64]
    shown: list[int]
    epochs: list[int] = field(default_factory=list)
    balanced: list[Array] = field(default_factory=list)
    inliers: list[Array] = field(default_factory=list)
    outliers: list[Array] = field(default_factory=list)

    def see(self, epoch: int, detector: Detector) -> None:
        """Look at the detectors, if this is one of the epochs that are shown."""
        if epoch not in self.shown:
            return
        self.epochs.append(epoch)
        self.balanced.append(balanced_accuracy(detector, self.data, self.images, self.labels))
        errors = detector.scores(self.data.images)[ERROR]
        outlier = self.data.outlier.numpy()
        self.inliers.append(_mean(errors, ~outlier))
        self.outliers.append(_mean(errors, outlier))

    def state_dict(self) -> dict[str, Any]:
        """What was seen."""
        return {
            "epochs": list(self.epochs),
            **{name: [torch.from_numpy(each) for each in getattr(self, name)] for name in _SEEN},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` returned."""
        self.epochs = list(state["epochs"])
        for name in _SEEN:
            setattr(self, name, [each.numpy() for each in state[name]])

    @property
    def collapse(self) -> Array | None:
        """(R,): by how much the last epoch is worse than the best; ``None`` without epochs.

        The best epoch is that of the mean over runs: the best one of each run would be partly luck.
        """
        if not self.balanced:
            return None
        best = int(np.argmax([each.mean() for each in self.balanced]))
        found: Array = self.balanced[best] - self.balanced[-1]
        return found


def _mean(errors: Array, mask: NDArray[np.bool_]) -> Array:
    """Mean over the examples of a mask (R, n), which has as many in every run."""
    count = int(mask[0].sum())
    found: Array = (errors * mask).sum(1) / count if count else np.full(len(errors), np.nan)
    return found
