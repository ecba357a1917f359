"""The author's numbers and the measured ones, as a page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.budgets import budget_text
from leaderboard.formatting.texts import interval, number
from leaderboard.reruns.claims import Claim, Measurement, claims
from leaderboard.store import Entry
from models_zoo.card import Card


@dataclass(frozen=True)
class MeasuredLine:
    """A measurement of this suite to compare with a reported number.

    Attributes:
        by: what measured it.
        battery: with which battery.
        text: the measured number.
        interval: its 95% interval.
        n: number of examples.
        difference: measured minus reported, in percentage points.
    """

    by: str
    battery: str
    text: str
    interval: str
    n: int
    difference: str


@dataclass(frozen=True)
class ReportedLine:
    """A number that the model's author reports, and the corresponding measurements."""

    what: str
    reported: str
    how: str
    measured: list[MeasuredLine]


def reported_lines(card: Card, entries: Sequence[Entry]) -> list[ReportedLine]:
    """What the card reports; what was measured on test examples, norm and budget being the same.

    Args:
        card: the model's card.
        entries: everything stored of the model.
    """
    return [
        ReportedLine(
            what=_what(claim),
            reported=number(claim.accuracy, "share"),
            how=f"{claim.attack}, {claim.examples:,} examples" if claim.examples else claim.attack,
            measured=[_line(measurement) for measurement in claim.measured],
        )
        for claim in claims(card, entries)
    ]


def _what(claim: Claim) -> str:
    if claim.eps is None:
        return "Clean accuracy"
    return f"Robust accuracy, {claim.norm} {budget_text(claim.eps)}"


def _line(measurement: Measurement) -> MeasuredLine:
    score = measurement.score
    points = round(-100 * measurement.difference, 1)
    sign = "\N{MINUS SIGN}" if points < 0 else "+" if points else ""
    return MeasuredLine(
        by=measurement.probe,
        battery=measurement.entry.provenance.battery,
        text=number(score.value, "share"),
        interval=interval(score, "share") or "none",
        n=score.n,
        difference=f"{sign}{abs(points):.1f} points",
    )
