"""What the scores of the anomaly probe mean."""

from __future__ import annotations

from benchmark.probes.probe import share
from benchmark.results import ScoreSpec

_MEAN = " The mean over the contaminations above 0, the classes and the seeds"


def _mean(label: str, description: str, *, headline: bool = False) -> ScoreSpec:
    return share(label, description + _MEAN + ".", headline=headline, interval="draws")


SCORES = {
    "balanced_accuracy": _mean(
        "Balanced accuracy",
        "Mean of the share of anomalies that are found and of the share of normal test images that "
        "are not flagged; the anomalies are of the class that contaminates the training set "
        "(observed). Thresholds are percentiles of the training set's scores.",
        headline=True,
    ),
    "balanced_accuracy_unobserved": _mean(
        "Unobserved",
        "The same with anomalies of all classes that the training set does not have.",
        headline=True,
    ),
    "balanced_accuracy_clean": share(
        "Without outliers",
        "balanced_accuracy of detectors that are trained without outliers: the mean over classes "
        "and seeds.",
        headline=True,
        interval="draws",
    ),
    "balanced_accuracy_held_out": _mean(
        "Held-out thresholds",
        "balanced_accuracy with thresholds from a tenth of the contaminated data that is not "
        "trained on.",
    ),
    "collapse": ScoreSpec(
        label="Collapse",
        description="How much balanced_accuracy is lower after the last epoch than after the best "
        "one, at one contamination; the best epoch is that of the mean over classes and seeds. "
        "Not for methods without epochs.",
        unit="share",
        higher_is_better=False,
        headline=True,
        interval="draws",
    ),
    "true_negative_rate": _mean(
        "True negatives", "Share of normal test images that are not flagged."
    ),
    "auroc": _mean(
        "AUROC",
        "Area under the ROC curve on normal images and observed anomalies, which needs no "
        "threshold; of methods with two scores, by the larger of both ranks among the training "
        "set's scores.",
    ),
    "auroc_reconstruction": _mean("AUROC (error)", "The same by the reconstruction error alone."),
    "auroc_likelihood": _mean(
        "AUROC (likelihood)", "The same by the likelihood of the code alone."
    ),
    "auroc_outliers": _mean(
        "Training outliers",
        "Area under the ROC curve by which the first score tells the outliers of the training set "
        "from its normal examples: 50% if they are fitted like all others.",
    ),
    "candidate_precision": _mean(
        "Candidate precision",
        "Share of outliers among the training examples that a rejecting method took for outliers.",
    ),
    "candidate_recall": _mean(
        "Candidate recall",
        "Share of the training set's outliers that a rejecting method took for outliers.",
    ),
}
"""By name."""
