"""Estimates with their 95% intervals, and differences of two models over the same examples.

docs/method.md says which interval each kind of score has, and how often it covers the truth.
"""

from __future__ import annotations

from benchmark.statistics.areas import Positives, mean_area
from benchmark.statistics.bootstrap import Resamples
from benchmark.statistics.bounded import bounded_mean, bounded_score
from benchmark.statistics.deviations import deviation, deviation_ratio, mean_over_pairs
from benchmark.statistics.draws import LOSS_BOUNDS, SHARE_BOUNDS, mean, students_t
from benchmark.statistics.losses import mean_loss
from benchmark.statistics.medians import median
from benchmark.statistics.paired import Effect, differs, paired_means, paired_shares, tango
from benchmark.statistics.repeated import expected_share, expected_survival, survival
from benchmark.statistics.roc import auroc, placements
from benchmark.statistics.shares import Z95, exact, proportion, wilson

__all__ = [
    "LOSS_BOUNDS",
    "SHARE_BOUNDS",
    "Z95",
    "Effect",
    "Positives",
    "Resamples",
    "auroc",
    "bounded_mean",
    "bounded_score",
    "deviation",
    "deviation_ratio",
    "differs",
    "exact",
    "expected_share",
    "expected_survival",
    "mean",
    "mean_area",
    "mean_loss",
    "mean_over_pairs",
    "median",
    "paired_means",
    "paired_shares",
    "placements",
    "proportion",
    "students_t",
    "survival",
    "tango",
    "wilson",
]
