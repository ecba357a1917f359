"""Intervals of results that were stored by an earlier version of the suite."""

from __future__ import annotations

import math

from benchmark.interval_kinds import INTERVALS_VERSION
from benchmark.results import ProbeResult, Score
from benchmark.statistics import exact, wilson

_ROUNDING = 1e-12
"""Two ends that differ by less were computed by the same formula."""


def present(score: Score, version: int) -> Score:
    """A stored score with its interval if this version would compute the same one.

    The ends of other methods, such as a negative one of a mean loss, are dropped rather than shown
    under the name of the present method: they come back when the model is scored again.

    Args:
        score: as stored.
        version: of the methods of its intervals, see :class:`benchmark.results.Provenance`.
    """
    if version == INTERVALS_VERSION or score.interval is None or _is_wilson(score):
        return score
    return exact(score.value, score.n)


def with_present_intervals(result: ProbeResult, version: int) -> ProbeResult:
    """A stored result whose scores, curves and bars have only such intervals.

    Args:
        result: as stored.
        version: see :func:`present`.
    """
    if version == INTERVALS_VERSION:
        return result
    scores = {name: present(score, version) for name, score in result.scores.items()}
    curves, bars = (
        [each.model_copy(update={"y": [present(score, version) for score in each.y]}) for each in x]
        for x in (result.curves, result.bars)
    )
    return result.model_copy(update={"scores": scores, "curves": curves, "bars": bars})


def _is_wilson(score: Score) -> bool:
    if not 0 <= score.value <= 1 or score.n < 1:
        return False
    now = wilson(score.value, score.n)
    return math.isclose(now.low, score.low, rel_tol=0, abs_tol=_ROUNDING) and math.isclose(
        now.high, score.high, rel_tol=0, abs_tol=_ROUNDING
    )
