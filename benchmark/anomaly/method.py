"""What methods of anomaly detection have in common: they are trained, and score images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.anomaly.splits import Run, TrainingSets
from benchmark.anomaly.training import Budget, Counted
from benchmark.anomaly.unfinished import Unfinished
from models_zoo.errors import InputError

Array = NDArray[np.float64]

Scores = Mapping[str, Array]
"""Scores (R, m) by what they measure, each larger for more anomalous images."""

ERROR, UNLIKELIHOOD = "reconstruction", "likelihood"
"""Names of the scores of autoencoders: the error, and minus the log-likelihood of the code."""


@dataclass(frozen=True)
class Detector:
    """Trained detectors of R runs.

    Attributes:
        scores: of images (R, m, D).
        kept: bool (R, n), the training examples that the thresholds are set on.
        candidates: bool (R, n), those that the method took for outliers; ``None`` if it takes none.
        candidate_counts: by round, the number of candidates of each run.
        training: scores (R, n) of the training examples, of a method that does not compare an
            example with itself there; ``None`` for those that ``scores`` gives.
    """

    scores: Callable[[Tensor], Scores]
    kept: NDArray[np.bool_]
    candidates: NDArray[np.bool_] | None = None
    candidate_counts: list[list[int]] = field(default_factory=list)
    training: Scores | None = None

    def training_scores(self, images: Tensor) -> Scores:
        """Scores (R, n) that thresholds are percentiles of.

        Args:
            images: (R, n, D), the training examples.
        """
        return self.scores(images) if self.training is None else self.training


def require_finite(values: Array, runs: Sequence[Run]) -> None:
    """Check that scores or codes are finite: those of networks that diverged are not.

    Args:
        values: (R, ...).
        runs: R.

    Raises:
        InputError: they are not; of which run.
    """
    diverged = ~np.isfinite(values).reshape(len(runs), -1).all(1)
    if diverged.any():
        first = runs[int(diverged.argmax())].name
        raise InputError(
            f"the training of {first!r} diverged: its scores are not finite, and so are those of "
            f"{int(diverged.sum())} of {len(runs)} runs; take a smaller lr"
        )


def _ignore(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Observer:
    """What sees a training and keeps its state.

    Attributes:
        watch: called with the number of an epoch and the detectors as they are after it.
        counted: called after each step with the number of images that it passed and its seconds.
        unfinished: where the state of a training with epochs is kept, to resume it.
    """

    watch: Callable[[int, Detector], None] = _ignore
    counted: Counted = _ignore
    unfinished: Unfinished | None = None


UNOBSERVED = Observer()
"""Sees nothing and keeps nothing."""


class Method(ABC):
    """A method of training detectors.

    Args:
        settings: its constants, from its card.
    """

    has_epochs = True

    def __init__(self, settings: Mapping[str, float | int | str | bool]) -> None:
        self.settings = settings

    def number(self, name: str) -> float:
        """One of its settings."""
        return float(self.settings[name])

    def epochs(self, budget: Budget) -> int:
        """How many epochs it is trained for."""
        return budget.epochs if self.has_epochs else 0

    @abstractmethod
    def fit(self, data: TrainingSets, budget: Budget, observer: Observer = UNOBSERVED) -> Detector:
        """Train a detector for each run; the labels of outliers are not used.

        Args:
            data: the training sets.
            budget: of the networks.
            observer: of the training.
        """
