"""Ascents: schedules that maximize an objective inside a space."""

from benchmark.ascent.adam import adam
from benchmark.ascent.apgd import apgd
from benchmark.ascent.pgd import pgd
from benchmark.ascent.result import AscentResult, Evaluate, Evaluation
from benchmark.ascent.values import per_example, whole_set

__all__ = [
    "AscentResult",
    "Evaluate",
    "Evaluation",
    "adam",
    "apgd",
    "per_example",
    "pgd",
    "whole_set",
]
