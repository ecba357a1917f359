"""What a model's author reports, beside what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.results import Score
from leaderboard.store import Entry
from models_zoo.card import Card


@dataclass(frozen=True)
class Measurement:
    """What this suite measured of the same thing as a claim.

    Attributes:
        probe: what measured it.
        entry: with which battery, on which examples.
        score: the accuracy with its interval.
        difference: the claimed accuracy less the measured one: above 0 where less was left of it.
    """

    probe: str
    entry: Entry
    score: Score
    difference: float

    @property
    def within(self) -> bool:
        """Whether the claim lies in the measured 95% interval."""
        return self.score.low <= self.score.value + self.difference <= self.score.high


@dataclass(frozen=True)
class Claim:
    """An accuracy that the model's author reports.

    Attributes:
        what: ``"clean"`` or ``"robust"``.
        accuracy: as reported.
        norm: of the ball that a robust accuracy is about.
        eps: its radius, in input units.
        examples: on how many examples, where the author says it.
        attack: what attacked, in the author's words: escape them.
        measured: the same accuracy as this suite measured it, at the same norm and radius; empty
            where it did not.
    """

    what: Literal["clean", "robust"]
    accuracy: float
    norm: str | None
    eps: float | None
    examples: int | None
    attack: str
    measured: Sequence[Measurement]


def claims(card: Card, entries: Iterable[Entry]) -> list[Claim]:
    """What a model's author reports beside what was measured on test examples of its data set.

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
        scores = [("clean", entry, score) for entry in tested for score in _clean(entry)]
        measured = _beside(card.clean_accuracy, scores)
        found.append(Claim("clean", card.clean_accuracy, None, None, None, "", measured))
    if (stated := card.robustness) is not None:
        scores = [
            (probe, entry, score)
            for entry in tested
            for probe, score in _robust(entry, stated.norm, stated.eps)
        ]
        measured = _beside(stated.accuracy, scores)
        place = (stated.norm, stated.eps, stated.examples, stated.attack)
        found.append(Claim("robust", stated.accuracy, *place, measured))
    return found


def _beside(accuracy: float, scores: Sequence[tuple[str, Entry, Score]]) -> list[Measurement]:
    return [
        Measurement(probe, entry, score, accuracy - score.value) for probe, entry, score in scores
    ]


def _clean(entry: Entry) -> Iterator[Score]:
    if "clean" in entry.results and "accuracy" in entry.results["clean"].scores:
        yield entry.results["clean"].scores["accuracy"]


def _robust(entry: Entry, norm: str, eps: float) -> Iterator[tuple[str, Score]]:
    """Accuracies under attacks on inputs at this norm and radius, with the probe's name."""
    for probe in ("input", "distance"):
        curves = entry.results[probe].curves if probe in entry.results else []
        for curve in curves:
            if curve.series == norm and curve.y_label == "robust accuracy":
                yield from (
                    (probe, score)
                    for budget, score in zip(curve.x, curve.y, strict=True)
                    if _equal(budget, eps)
                )
    reference = entry.results.get("input-autoattack")
    if reference is not None and reference.protocol.get("norm") == norm:
        budget = reference.protocol.get("budget")
        if isinstance(budget, float | int) and _equal(budget, eps):
            yield "input-autoattack", reference.scores["robust_accuracy"]


def _equal(budget: float, eps: float) -> bool:
    return math.isclose(budget, eps, rel_tol=1e-4)  # 8/255 is often written as 0.03137
