"""Probe results as plain JSON: numbers as numbers, and nothing that JSON cannot write."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmark.results import Outcomes, ProbeResult, Score


def result_to_json(result: ProbeResult) -> dict[str, Any]:
    """A result as JSON-ready data.

    A number that JSON cannot write is null, and a ``text`` beside a score says what it was: an
    infinite budget is one that was not found on the ladder. Outcomes are strings with a ``0`` or
    ``1`` for each example.
    """
    return {name: finite(value) for name, value in plain_result(result).items()}


def plain_result(result: ProbeResult) -> dict[str, Any]:
    """As :func:`result_to_json`, with infinities and NaN still in it."""
    outcomes = {name: bit_text(bits) for name, bits in result.outcomes.items()}
    scores = {name: plain_score(score) for name, score in result.scores.items()}
    kept = result.model_dump(exclude={"scores"})
    return {"probe": result.probe, "scores": scores, "outcomes": outcomes} | kept


def bit_text(outcomes: Outcomes) -> str:
    """A ``0`` or ``1`` for each example."""
    return (outcomes.astype(np.uint8) + ord("0")).tobytes().decode("ascii")


def finite(value: Any) -> Any:
    """The same data with null for every number that is infinite or not a number."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain_score(score: Score) -> dict[str, Any]:
    """A score with its interval, and a ``text`` where its value is no number JSON can write."""
    # Not model_dump, which takes several times as long: a large site has a million scores.
    plain = {"value": score.value, "n": score.n, "low": score.low, "high": score.high}
    if math.isfinite(score.value):
        return plain
    return plain | {"text": "none found" if score.value > 0 else str(score.value)}
