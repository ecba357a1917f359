"""Probe results as plain JSON, without numbers that JSON cannot represent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmark.results import Outcomes, ProbeResult, Score


def result_to_json(result: ProbeResult) -> dict[str, Any]:
    """A result as JSON-ready data.

    A number that JSON cannot represent is null, and the ``text`` of a score says what it was: an
    infinite budget is one that was not found. Outcomes are strings with a ``0`` or ``1`` per
    example.
    """
    return {name: finite(value) for name, value in plain_result(result).items()}


def plain_result(result: ProbeResult) -> dict[str, Any]:
    """As :func:`result_to_json`, but with infinities and NaN."""
    outcomes = {name: bit_text(bits) for name, bits in result.outcomes.items()}
    scores = {name: plain_score(score) for name, score in result.scores.items()}
    kept = result.model_dump(exclude={"scores"})
    return {"probe": result.probe, "scores": scores, "outcomes": outcomes} | kept


def bit_text(outcomes: Outcomes) -> str:
    """A string with a ``0`` or ``1`` per example."""
    return (outcomes.astype(np.uint8) + ord("0")).tobytes().decode("ascii")


def bits_of(outcomes: Outcomes | str) -> Outcomes:
    """Inverse of :func:`bit_text`; outcomes that are no text are returned as they are.

    Raises:
        ValueError: a text with other characters than ``0`` and ``1``.
    """
    if not isinstance(outcomes, str):
        return outcomes
    if set(outcomes) - {"0", "1"}:
        raise ValueError("outcomes are texts of 0 and 1")
    return np.array([each == "1" for each in outcomes], dtype=np.bool_)


def finite(value: Any) -> Any:
    """The same data with null for every number that is infinite or not a number."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_score(score: Score) -> dict[str, Any]:
    """A score with the ends of its interval, if any, and a ``text`` for values that JSON lacks."""
    # Not model_dump, which takes several times as long: a large site has a million scores.
    low, high = score.interval or (None, None)
    plain = {"value": score.value, "n": score.n, "low": low, "high": high}
    if math.isfinite(score.value):
        return plain
    return plain | {"text": "none found" if score.value > 0 else str(score.value)}
