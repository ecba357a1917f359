"""What detectors are judged by: balanced accuracy at their thresholds, and areas under ROC curves.

The rule is the source's: an image is anomalous if any of its scores exceeds the 90th percentile of
the training set's (for the likelihood of a code: if it is below the 10th). With two scores this
rejects up to a fifth of the normal images, so that balanced accuracy ends near 90 to 95%.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.anomaly.method import Array, Detector, Scores, require_finite
from benchmark.anomaly.splits import Run, TrainingSets
from benchmark.statistics import auroc, placements

PERCENTILE = 90.0
"""Of the scores of the training set, above which an image is anomalous."""

Bools = NDArray[np.bool_]

P = TypeVar("P")


@dataclass(frozen=True)
class Judged:
    """How detectors of R runs do at one contamination.

    Attributes:
        flagged: bool (R, M), the test images taken for anomalous.
        balanced: (R,), balanced accuracy on normal images and observed anomalies.
        unobserved: (R,), likewise on anomalies of the classes that no training set has; ``None``
            without such test images.
        held_out: (R,), ``balanced`` with thresholds from the slice that is not trained on.
        true_negatives: (R,), share of normal images that are not flagged.
        areas: AUROC on observed anomalies by score, (R,) each; ``"combined"`` is that of the
            largest rank among the training set's scores.
        outlier_area: (R,), AUROC of the training set's outliers by the first score; ``None``
            without outliers.
    """

    flagged: Bools
    balanced: Array
    unobserved: Array | None
    held_out: Array
    true_negatives: Array
    areas: dict[str, Array]
    outlier_area: Array | None


def judge(
    detector: Detector, data: TrainingSets, images: Tensor, labels: NDArray[np.int64]
) -> Judged:
    """Judge detectors on test images.

    Args:
        detector: of R runs.
        data: what they were trained on.
        images: (M, C, H, W), test images.
        labels: (M,).

    Raises:
        InputError: scores are not finite.
    """
    test = _test_scores(detector, data, images)
    known, aside = detector.training_scores(data.images), detector.scores(data.held_out)
    everything = np.ones(next(iter(aside.values())).shape, bool)
    flagged = exceeding(test, known, detector.kept)
    other = exceeding(test, aside, everything)
    parts = [_parts(run, labels) for run in data.runs]
    scores = dict(test) | {"combined": largest_rank(test, known, detector.kept)}
    first = next(iter(known.values()))
    outlier = data.outlier.numpy()
    return Judged(
        flagged=flagged,
        balanced=_over(parts, lambda run, own: balanced(flagged[run], own[0], own[1])),
        unobserved=_over(parts, lambda run, own: balanced(flagged[run], own[0], own[2]))
        if all(own[2].any() for own in parts)
        else None,
        held_out=_over(parts, lambda run, own: balanced(other[run], own[0], own[1])),
        true_negatives=_over(parts, lambda run, own: 1 - flagged[run][own[0]].mean()),
        areas={
            name: np.array(
                [auroc(row[own[1]], row[own[0]]) for row, own in zip(each, parts, strict=True)]
            )
            for name, each in scores.items()
        },
        outlier_area=_over(list(outlier), lambda run, own: auroc(first[run][own], first[run][~own]))
        if outlier.any()
        else None,
    )


def balanced_accuracy(
    detector: Detector, data: TrainingSets, images: Tensor, labels: NDArray[np.int64]
) -> Array:
    """Only the balanced accuracy of :func:`judge`, (R,), for every epoch."""
    test = _test_scores(detector, data, images)
    flagged = exceeding(test, detector.training_scores(data.images), detector.kept)
    parts = [_parts(run, labels) for run in data.runs]
    return _over(parts, lambda run, own: balanced(flagged[run], own[0], own[1]))


def exceeding(scores: Scores, reference: Scores, used: Bools) -> Bools:
    """Bool (R, M): images with a score above the percentile of the reference's.

    Args:
        scores: (R, M) each.
        reference: (R, n) each, by the same names.
        used: bool (R, n), those that count.
    """
    found = np.zeros(next(iter(scores.values())).shape, bool)
    for name, values in scores.items():
        limits = [
            np.percentile(own[mask], PERCENTILE)
            for own, mask in zip(reference[name], used, strict=True)
        ]
        found |= values > np.array(limits)[:, None]
    return found


def largest_rank(scores: Scores, reference: Scores, used: Bools) -> Array:
    """The largest of an image's ranks among the training set's scores, (R, M), from 0 to 1.

    Images with the same rank, such as those beyond all of the training set, are ordered by their
    first score; those that tie in both remain tied.
    """
    ranks = []
    for name, values in scores.items():
        own = [
            np.searchsorted(np.sort(base[mask]), row, side="right") / mask.sum()
            for base, mask, row in zip(reference[name], used, values, strict=True)
        ]
        ranks.append(np.stack(own))
    first = next(iter(scores.values()))
    places = np.stack([placements(row, row) for row in first])
    combined: Array = np.max(ranks, axis=0) + 1e-6 * places
    return combined


def balanced(flagged: Bools, normal: Bools, anomalous: Bools) -> float:
    """The mean of the shares of anomalies that are flagged and of normal images that are not.

    Args:
        flagged: bool (M,).
        normal: bool (M,), the normal images.
        anomalous: bool (M,), the anomalies.
    """
    return float(flagged[anomalous].mean() + 1 - flagged[normal].mean()) / 2


def _test_scores(detector: Detector, data: TrainingSets, images: Tensor) -> Scores:
    """Scores (R, M) of test images (M, C, H, W), the same for all runs."""
    found = detector.scores(images.flatten(1).expand(len(data.runs), -1, -1))
    for each in found.values():
        require_finite(each, data.runs)
    return found


def _parts(run: Run, labels: NDArray[np.int64]) -> tuple[Bools, Bools, Bools]:
    """Normal images, observed and unobserved anomalies, bool (M,) each."""
    normal, observed = labels == run.normal, labels == run.contaminating
    return normal, observed, ~(normal | observed)


def _over(parts: Sequence[P], value: Callable[[int, P], float]) -> Array:
    """A value of each run, from its number and its part."""
    return np.array([value(run, own) for run, own in enumerate(parts)], np.float64)
