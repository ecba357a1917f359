"""What a model's author reports beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmark.probes.ladders import budget_text
from benchmark.results import Score
from leaderboard.store import Entry
from leaderboard.texts import interval, number
from models_zoo.card import Card, Robustness


@dataclass(frozen=True)
class Measured:
    """A figure of this suite beside a reported one.

    Attributes:
        by: what measured it.
        battery: with which battery.
        text: the figure.
        interval: its 95% interval.
        n: number of examples.
        difference: measured less reported, in percentage points.
    """

    by: str
    battery: str
    text: str
    interval: str
    n: int
    difference: str


@dataclass(frozen=True)
class Claim:
    """A figure that the model's author reports, and what was measured of the same thing."""

    what: str
    reported: str
    how: str
    measured: list[Measured]


def claims(card: Card, entries: Sequence[Entry]) -> list[Claim]:
    """What the card reports; what was measured on test examples, norm and budget being the same.

    Args:
        card: the model's card.
        entries: everything stored of the model.
    """
    tested = [
        entry
        for entry in entries
        if not entry.on_training_data and entry.battery.get("dataset") == card.dataset
    ]
    found = []
    if card.clean_accuracy is not None:
        measured = [
            _measured("clean", entry, results["clean"].scores["accuracy"], card.clean_accuracy)
            for entry, results in ((entry, entry.results) for entry in tested)
            if "clean" in results
        ]
        found.append(Claim("Clean accuracy", _share(card.clean_accuracy), "", measured))
    if card.robustness is not None:
        found.append(_robustness(card.robustness, tested))
    return found


def _robustness(stated: Robustness, entries: Sequence[Entry]) -> Claim:
    budget = f"{stated.norm} {budget_text(stated.eps)}"
    measured = [
        _measured(by, entry, score, stated.accuracy)
        for entry in entries
        for by, score in _robust_scores(entry, stated.norm, stated.eps)
    ]
    how = f"{stated.attack}, {stated.examples:,} examples"
    return Claim(f"Robust accuracy, {budget}", _share(stated.accuracy), how, measured)


def _robust_scores(entry: Entry, norm: str, eps: float) -> Iterator[tuple[str, Score]]:
    """Every score under input attacks of this norm and budget, with what attacked."""
    if "input" in entry.results:
        for curve in entry.results["input"].curves:
            if curve.series == norm:
                for budget, score in zip(curve.x, curve.y, strict=True):
                    if abs(budget - eps) < 1e-9:
                        yield "input", score
    reference = entry.results.get("input-autoattack")
    if reference is not None and reference.protocol.get("norm") == norm:
        attacked = reference.protocol.get("budget")
        if isinstance(attacked, float | int) and abs(attacked - eps) < 1e-9:
            yield "input-autoattack", reference.scores["robust_accuracy"]


def _measured(by: str, entry: Entry, score: Score, stated: float) -> Measured:
    points = round(100 * (score.value - stated), 1)
    sign = "\N{MINUS SIGN}" if points < 0 else "+" if points else ""
    return Measured(
        by=by,
        battery=entry.provenance.battery,
        text=number(score.value, "share"),
        interval=interval(score, "share") or "none",
        n=score.n,
        difference=f"{sign}{abs(points):.1f} points",
    )


def _share(value: float) -> str:
    return number(value, "share")
