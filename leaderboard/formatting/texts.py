"""Numbers, settings and probes as text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from benchmark import headline
from benchmark.budgets import budget_text
from benchmark.interval_kinds import INTERVALS, WITHOUT, missing_interval
from benchmark.probes import PROBES
from benchmark.probes.definition import Definition
from benchmark.results import Score, ScoreSpec

_MOST_DIGITS = 6
"""Further digits that the ends of a narrow interval may have: nine in all, float32 has seven."""

_MINUS = "\N{MINUS SIGN}"

ABSENT = "\N{EN DASH}"
"""Shown in place of a missing number."""

SHOWN_UNITS = ("nats", "radius", "loss")
"""Units that are shown with a number; shares are percentages."""


@dataclass(frozen=True)
class ProbeText:
    """Texts about a probe.

    Attributes:
        name: the probe's name.
        title: heading.
        question: the question it answers.
        scores: meaning of each of its scores.
        definition: formulas and sources; ``None`` where this version does not know the probe.
    """

    name: str
    title: str
    question: str
    scores: dict[str, ScoreSpec]
    definition: Definition | None = None

    def spec(self, score: str) -> ScoreSpec:
        """Meaning of a score; scores that only another version knows say so."""
        if score in self.scores:
            return self.scores[score]
        gone = "Recorded by another version of the suite, which documents it."
        return ScoreSpec(label=score, description=gone, unit="", higher_is_better=None)


def probe_texts() -> dict[str, ProbeText]:
    """The derived headline first, then every probe in the order a battery runs them."""
    names = (headline.NAME, *PROBES)
    return {name: probe_text(name) for name in names}


def probe_text(name: str, battery: Mapping[str, Any] | None = None) -> ProbeText:
    """Texts about the probe ``name``, whether this version knows it or not.

    Args:
        name: of the probe.
        battery: content of the battery, whose settings decide the meaning of some scores; without
            it their meaning is described in general.
    """
    if name == headline.NAME:
        known = headline.SCORES
        return ProbeText(name, headline.TITLE, headline.QUESTION, known, headline.definition())
    if name not in PROBES:
        return ProbeText(name, name, "A probe of another version of the suite.", {})
    probe, scores = PROBES[name], PROBES[name].scores
    if battery is not None:
        scores = probe.scores_with(battery.get("probes", {}).get(name, {}))
    return ProbeText(name, probe.title, probe.question, scores, probe.definition())


@lru_cache(maxsize=4096)
def number(value: float, unit: str, further: int = 0) -> str:
    """A number as text: shares as percentages, counts as integers, others to three digits.

    Args:
        value: the number.
        unit: of the score.
        further: number of further digits.
    """
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "none found" if value > 0 else f"{_MINUS}∞"
    if unit == "share":
        return f"{100 * value:z.{1 + further}f}%".replace("-", _MINUS)  # z: no minus before a zero
    if unit == "count":
        return f"{value:,.{further}f}"
    large = abs(value) >= 1000
    text = f"{value:,.{further}f}" if large else f"{value:#.{3 + further}g}".rstrip(".")
    return text.replace("-", _MINUS)


def interval(score: Score, unit: str) -> str | None:
    """The 95% interval as text; ``None`` where there is none."""
    return _between(*score.interval, unit) if score.interval else None


def interval_or_reason(score: Score, spec: ScoreSpec) -> tuple[str, str]:
    """The 95% interval as text, or ``none`` and why there is none.

    Args:
        score: a score.
        spec: its meaning.
    """
    ends = interval(score, spec.unit)
    if ends:
        return ends, ""
    return "none", missing_interval(spec.interval, score.value, score.n, score.low)


def interval_meaning(spec: ScoreSpec) -> str:
    """What kind of interval a score has, or why it has none, in a sentence."""
    if spec.interval in INTERVALS:
        return f"95% interval: {INTERVALS[spec.interval].meaning}."
    reason = WITHOUT.get(spec.interval)
    return f"No interval: {reason}." if reason else ""


@lru_cache(maxsize=4096)
def _between(low: float, high: float, unit: str) -> str:
    # A narrow interval has as many digits as tell its ends apart.
    for further in range(_MOST_DIGITS + 1):
        first, last = (number(end, unit, further).removesuffix("%") for end in (low, high))
        if first != last:
            break
    negative = _MINUS in first or _MINUS in last
    return f"{first} to {last}" if negative else f"{first}\N{EN DASH}{last}"


def size(count: int | None) -> str:
    """A number of parameters in a few characters, such as ``85.0 K``."""
    if count is None:
        return ABSENT
    for unit, name in ((1e9, " B"), (1e6, " M"), (1e3, " K")):
        if count >= unit:
            return f"{count / unit:#.3g}".rstrip(".") + name
    return str(count)


def plain(value: Any) -> str:
    """A setting or an item of a protocol, of any type, on one line."""
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return budget_text(value)
        case dict():
            return "; ".join(f"{key}: {plain(item)}" for key, item in value.items()) or "none"
        case list() | tuple():
            return ", ".join(plain(item) for item in value) or "none"
        case None:
            return "none"
        case _:
            return str(value)
