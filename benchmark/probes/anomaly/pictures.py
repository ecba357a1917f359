"""Charts of the anomaly probe: the course of training, contaminations, runs and examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from benchmark.anomaly.judging import Bools, Judged
from benchmark.anomaly.splits import Run
from benchmark.probes.anomaly.course import Course
from benchmark.probes.budget_curves import score_curve
from benchmark.results import Bars, Curve, Score, Thumbnail
from benchmark.statistics import LOSS_BOUNDS, SHARE_BOUNDS, mean

ERRORS, EPOCHS, PAIRS, CONTAMINATIONS, RUNS = (
    "anomaly_errors",
    "anomaly_epochs",
    "anomaly_epochs_by_class",
    "anomaly_contamination",
    "anomaly_runs",
)
"""Names of the charts."""

EXAMPLES = "anomaly_examples"
"""Name of the row of images."""

SHOWN = 4
"""Number of images of each kind."""

OUTLIERS, INLIERS = "outliers", "normal examples"
"""Names of the series of errors."""


def percent(contamination: float) -> str:
    """A contamination for readers."""
    return f"{100 * contamination:g}%"


def error_curves(course: Course) -> list[Curve]:
    """Mean reconstruction error of the training set's outliers and normal examples over epochs."""
    series = {OUTLIERS: course.outliers, INLIERS: course.inliers}
    return [
        _over_epochs(
            ERRORS,
            f"training set, {name}",
            course,
            [mean(each, LOSS_BOUNDS) for each in values],
            "mean squared error",
            "loss",
        )
        for name, values in series.items()
        if values
    ]


def epoch_curves(courses: Mapping[float, Course]) -> list[Curve]:
    """Balanced accuracy over epochs, for each contamination."""
    return [
        _over_epochs(
            EPOCHS,
            f"{percent(contamination)} outliers",
            course,
            [mean(each, SHARE_BOUNDS) for each in course.balanced],
        )
        for contamination, course in courses.items()
        if course.epochs
    ]


def pair_curves(course: Course) -> list[Curve]:
    """Balanced accuracy over epochs, for each pair of classes at one contamination."""
    pairs = [(run.normal, run.contaminating) for run in course.data.runs]
    return [
        _over_epochs(
            PAIRS,
            f"{normal} with {other}",
            course,
            [
                mean(each[[place == (normal, other) for place in pairs]], SHARE_BOUNDS)
                for each in course.balanced
            ],
        )
        for normal, other in dict.fromkeys(pairs)
        if course.epochs
    ]


def _over_epochs(
    picture: str,
    series: str,
    course: Course,
    scores: Sequence[Score],
    y_label: str = "balanced accuracy",
    unit: str = "share",
) -> Curve:
    epochs = [float(epoch) for epoch in course.epochs]
    return score_curve(picture, series, "epochs", epochs, scores, y_label, unit)


def contamination_curves(judged: Mapping[float, Judged]) -> list[Curve]:
    """Balanced accuracy over the contamination."""
    series = {
        "observed anomalies": [each.balanced for each in judged.values()],
        "unobserved anomalies": [
            each.unobserved for each in judged.values() if each.unobserved is not None
        ],
        "observed, held-out thresholds": [each.held_out for each in judged.values()],
    }
    return [
        score_curve(
            CONTAMINATIONS,
            name,
            "share of outliers in the training set",
            list(judged),
            [mean(each, SHARE_BOUNDS) for each in values],
            "balanced accuracy",
            "share",
        )
        for name, values in series.items()
        if values
    ]


def run_bars(runs: Sequence[Run], judged: Mapping[float, Judged]) -> list[Bars]:
    """Balanced accuracy of every run, for each contamination; findings pair methods by them."""
    return [
        Bars(
            picture=RUNS,
            series=percent(contamination),
            x_label="normal class with contaminating class",
            y_label="balanced accuracy",
            names=[run.name for run in runs],
            y=[_alone(value) for value in each.balanced],
            unit="share",
        )
        for contamination, each in judged.items()
    ]


def examples(
    run: Run, flagged: Bools, images: Tensor, labels: NDArray[np.int64]
) -> list[Thumbnail]:
    """Test images that the detector of a run found, missed and flagged wrongly.

    Args:
        run: the run.
        flagged: bool (M,).
        images: (M, C, H, W).
        labels: (M,).
    """
    kinds = {
        "found": flagged & (labels == run.contaminating),
        "missed": ~flagged & (labels == run.contaminating),
        "false alarm": flagged & (labels == run.normal),
    }
    return [
        Thumbnail.of(EXAMPLES, f"{name}: {int(labels[row])}, normal is {run.normal}", images[row])
        for name, mask in kinds.items()
        for row in np.flatnonzero(mask)[:SHOWN].tolist()
    ]


def _alone(value: float) -> Score:
    """The score of one run, which says nothing about how others scatter."""
    return Score(value=float(value), n=1, low=-math.inf, high=math.inf)
