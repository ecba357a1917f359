"""What a model's author reports, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmark.results import OutcomeKind, ProbeResult, Score
from benchmark.threats import InputThreat, Threat
from leaderboard.store import Entry
from models_zoo.card import Card


@dataclass(frozen=True)
class Measurement:
    """What this suite measured under the same threat as a claim.

    Attributes:
        probe: what measured it.
        entry: with which battery, on which examples.
        score: the accuracy with its interval.
        difference: claimed minus measured accuracy.
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
        accuracy: as reported.
        norm: of the ball that a robust accuracy is about; ``None`` for clean accuracy.
        eps: its radius, in input units.
        examples: number of examples, if the author states it.
        attack: the attack, in the author's words; escape them.
        measured: the same accuracy as this suite measured it, at the same norm and radius; empty
            where it did not.
    """

    accuracy: float
    norm: str | None
    eps: float | None
    examples: int | None
    attack: str
    measured: Sequence[Measurement]


def claims(card: Card, entries: Iterable[Entry]) -> list[Claim]:
    """What a model's author reports, and what was measured on test examples of its data set.

    Args:
        card: the model's card.
        entries: everything stored of the model.
    """
    tested = [
        entry
        for entry in entries
        if not (entry.on_training_data or entry.on_own_data)
        and entry.battery.get("dataset") == card.dataset
    ]
    found = []
    if card.clean_accuracy is not None:
        scores = [(probe, entry, score) for entry in tested for probe, score in _clean(entry)]
        measured = _beside(card.clean_accuracy, scores)
        found.append(Claim(card.clean_accuracy, None, None, None, "", measured))
    if (stated := card.robustness) is not None:
        scores = [
            (probe, entry, score)
            for entry in tested
            for probe, score in _robust(entry, stated.norm, stated.eps)
        ]
        measured = _beside(stated.accuracy, scores)
        place = (stated.norm, stated.eps, stated.examples, stated.attack)
        found.append(Claim(stated.accuracy, *place, measured))
    return found


def _beside(accuracy: float, scores: Sequence[tuple[str, Entry, Score]]) -> list[Measurement]:
    return [
        Measurement(probe, entry, score, accuracy - score.value) for probe, entry, score in scores
    ]


def _clean(entry: Entry) -> Iterator[tuple[str, Score]]:
    """Accuracies where nothing is perturbed, with the probe's name."""
    for probe, result in entry.results.items():
        for score, kind in _shares(result):
            if kind.role == "headline" and kind.threat is None:
                yield probe, score


def _robust(entry: Entry, norm: str, eps: float) -> Iterator[tuple[str, Score]]:
    """Accuracies under attacks on inputs at this norm and radius, with the probe's name."""
    for probe, result in entry.results.items():
        for curve in result.curves:
            if curve.role == "budget" and curve.unit == "share":
                yield from (
                    (probe, score)
                    for place, score in enumerate(curve.y)
                    if _allows(curve.threat_at(place), norm, eps)
                )
        for score, kind in _shares(result):
            if kind.role == "reference" and _allows(kind.threat, norm, eps):
                yield probe, score


def _shares(result: ProbeResult) -> Iterator[tuple[Score, OutcomeKind]]:
    """The scores that are the share of examples in an outcome, and what the outcome is about."""
    for score, outcome in result.share_of.items():
        if score in result.scores and outcome in result.outcome_kinds:
            yield result.scores[score], result.outcome_kinds[outcome]


def _allows(threat: Threat | None, norm: str, eps: float) -> bool:
    """Whether images may be perturbed in balls of this norm and radius."""
    if not isinstance(threat, InputThreat) or threat.norm != norm:
        return False
    return math.isclose(threat.eps, eps, rel_tol=1e-4)  # 8/255 is often written as 0.03137
