"""Stored results as tables show them, read without curves, charts and protocols."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Engine, Text, cast, or_, select, tuple_
from sqlalchemy.orm import Session

from benchmark.headline import headline_probes
from benchmark.results import OutcomeKind, Score
from benchmark.statistics import wilson
from leaderboard.store import encoding
from leaderboard.store.counterexamples import count_counterexamples
from leaderboard.store.old_intervals import present
from leaderboard.store.outcome_kinds import KindColumns, OutcomeKinds
from leaderboard.store.reading import require_headline
from leaderboard.store.reruns import Rerun, read_reruns
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow, ScoreRow
from models_zoo.card import Card

_STREAMED = {"yield_per": 1000}
"""Rows are streamed: a large board has a million."""

NONSINGULAR = "nonsingular.robust_accuracy"
"""The derived headline's name among the scores."""


@dataclass
class Summary:
    """One model on one battery, data and seed, as a table shows it.

    Attributes:
        card: the model's card.
        submitted: whether the model came in through ``nonsingular submit``.
        fingerprint: the model.
        battery: name of the battery.
        battery_sha256: hash of its content.
        data_sha256: hash of the examples.
        seed: root of every random draw.
        examples: number of examples.
        split: ``"train"`` if models may have been trained on them.
        own_data: whether they are other images than the first ones of the battery's data set;
            ``None`` if that was not recorded.
        created: UTC time of the newest result, ISO 8601.
        probes: the probes that were run, with the time of each result.
        scores: the requested scores, by ``<probe>.<score>``.
        outcomes: packed outcomes by ``<probe>.<outcome>``, see :mod:`leaderboard.store.encoding`.
        kinds: what the requested outcomes are about, by probe and name.
        flags: number of raised flags; ``None`` if no check was run.
        reruns: reruns by probe, oldest first.
        imported: probes whose results were imported from an archive rather than measured here.
        lowered: probes whose results counterexamples have lowered.
        counterexamples: number of counterexamples of the model on these examples.
    """

    card: Card
    submitted: bool
    fingerprint: str
    battery: str
    battery_sha256: str
    data_sha256: str
    seed: int
    examples: int
    split: str
    own_data: bool | None = None
    created: str = ""
    probes: dict[str, str] = field(default_factory=dict)
    scores: dict[str, Score] = field(default_factory=dict)
    outcomes: dict[str, bytes] = field(default_factory=dict)
    kinds: dict[str, dict[str, OutcomeKind]] = field(default_factory=dict)
    flags: int | None = None
    reruns: dict[str, list[Rerun]] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    lowered: set[str] = field(default_factory=set)
    counterexamples: int = 0

    @property
    def on_training_data(self) -> bool:
        """Whether the examples are some that models may have been trained on."""
        return self.split == "train"

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The key: fingerprint, battery, data and seed."""
        return self.fingerprint, self.battery_sha256, self.data_sha256, self.seed

    @property
    def revision(self) -> str:
        """A hash that changes with the card, and when a result is added, replaced or run again.

        A counterexample changes it as well.
        """
        answers = (sorted(self.probes.items()), sorted(self.reruns.items()), sorted(self.imported))
        content = (self.key, *answers, self.counterexamples, self.card.model_dump_json())
        return hashlib.sha256(repr(content).encode()).hexdigest()


class Place(NamedTuple):
    """The place of a stored result: its summary, its probe and the version of its intervals."""

    summary: Summary
    probe: str
    intervals: int


def read_summaries(
    engine: Engine,
    scores: Collection[tuple[str, str]],
    outcomes_of: Collection[str],
    conditions: Sequence[ColumnElement[bool]] = (),
) -> list[Summary]:
    """Everything stored, in the order in which the models were first seen.

    Args:
        engine: the database.
        scores: probe and name of each requested score; the derived non-singular robust accuracy is
            always included if its parts were run.
        outcomes_of: probes of which all outcomes are read; of others only the headline.
        conditions: filter of the results.

    Raises:
        ValueError: a row cannot be read.
    """
    with Session(engine) as session:
        places, summaries = _results(session, conditions)
        _scores(session, places, scores, conditions)
        _outcomes(session, places, outcomes_of, conditions)
    for summary in summaries:
        _derive(summary)
    return summaries


def _results(
    session: Session, conditions: Sequence[ColumnElement[bool]]
) -> tuple[dict[int, Place], list[Summary]]:
    """Summaries without numbers, and for each result its summary and probe."""
    models = select(ModelRow.fingerprint, ModelRow.card, ModelRow.submitted)
    if conditions:
        meant = select(ResultRow.fingerprint).where(*conditions)
        models = models.where(ModelRow.fingerprint.in_(meant))
    cards = {
        row.fingerprint: (Card.model_validate(row.card), row.submitted)
        for row in session.execute(models)
    }
    orphans = select(ResultRow.id).outerjoin(ResultRow.model)
    if session.execute(orphans.where(ModelRow.fingerprint.is_(None), *conditions).limit(1)).first():
        raise ValueError("a result has no model")
    columns = (
        ResultRow.id,
        ResultRow.fingerprint,
        ResultRow.battery,
        ResultRow.battery_sha256,
        ResultRow.data_sha256,
        ResultRow.seed,
        ResultRow.probe,
        ResultRow.raised_flags,
        ResultRow.archive,
        ResultRow.provenance,
        ResultRow.measured.is_not(None).label("lowered"),
    )
    query = (
        select(*columns)
        .join(ResultRow.model)
        .where(*conditions)
        .order_by(ModelRow.first_seen, ModelRow.fingerprint, ResultRow.id)
    )
    reruns, counted = read_reruns(session, conditions), count_counterexamples(session)
    summaries: dict[tuple[str, str, str, int], Summary] = {}
    places = {}
    for row in session.execute(query, execution_options=_STREAMED):
        where = row.provenance  # taken apart here: databases parse it again for each of its fields
        examples, created = where["examples"], where["created"]
        key = (row.fingerprint, row.battery_sha256, row.data_sha256, row.seed)
        if key not in summaries:
            card, submitted = cards[row.fingerprint]
            split = where.get("split") or "test"  # older results, which are all on test images
            own_data = where.get("own_data")
            summaries[key] = Summary(
                card, submitted, key[0], row.battery, *key[1:], examples, split, own_data
            )
            summaries[key].counterexamples = counted.get((key[0], key[2]), 0)
        summary = summaries[key]
        if type(examples) is not int or examples < 1:
            raise ValueError("a result does not say of how many examples it is")
        summary.created = max(summary.created, created)
        summary.probes[row.probe] = created
        if row.raised_flags is not None:
            summary.flags = (summary.flags or 0) + row.raised_flags
        if row.archive is not None:
            summary.imported.add(row.probe)
        if row.lowered:
            summary.lowered.add(row.probe)
        if row.id in reruns:
            summary.reruns[row.probe] = reruns[row.id]
        places[row.id] = Place(summary, row.probe, where.get("intervals") or 1)
    return places, list(summaries.values())


def _scores(
    session: Session,
    places: dict[int, Place],
    wanted: Collection[tuple[str, str]],
    conditions: Sequence[ColumnElement[bool]],
) -> None:
    columns = (ScoreRow.name, ScoreRow.value, ScoreRow.low, ScoreRow.high, ScoreRow.n)
    query = (
        select(ScoreRow.result_id, *columns)
        .join(ResultRow, ResultRow.id == ScoreRow.result_id)
        .where(tuple_(ResultRow.probe, ScoreRow.name).in_(list(wanted)), *conditions)
    )
    for number, name, value, low, high, n in session.execute(query, execution_options=_STREAMED):
        place = places[number]
        numbers = [math.nan if each is None else each for each in (value, low, high)]
        if math.isinf(numbers[0]) and math.isfinite(numbers[1]) and math.isfinite(numbers[2]):
            raise ValueError("a score is infinite and its interval is not")
        score = Score(value=numbers[0], n=n, low=numbers[1], high=numbers[2])
        key = sys.intern(f"{place.probe}.{name}")
        place.summary.scores[key] = present(score, place.intervals)


def _outcomes(
    session: Session,
    places: dict[int, Place],
    all_of: Collection[str],
    conditions: Sequence[ColumnElement[bool]],
) -> None:
    described = set(all_of)
    kinds: dict[int, list[KindColumns]] = {}
    columns = (
        OutcomeRow.result_id,
        OutcomeRow.name,
        OutcomeRow.n,
        OutcomeRow.bits,
        OutcomeRow.position,
        OutcomeRow.role,
        cast(OutcomeRow.threat, Text),
    )
    query = (
        select(*columns)
        .join(ResultRow, ResultRow.id == OutcomeRow.result_id)
        .where(or_(ResultRow.probe.in_(list(all_of)), OutcomeRow.name == "headline"), *conditions)
    )
    rows = session.execute(query, execution_options=_STREAMED)
    for number, name, n, bits, position, role, threat in rows:
        summary, probe, _ = places[number]
        encoding.require_packed(bits, n)
        if name == "headline":
            require_headline(probe, {name: n}, summary.examples)
        summary.outcomes[sys.intern(f"{probe}.{name}")] = bits
        if role is not None and probe in described:
            if position is None:
                raise ValueError("an outcome has no position")
            kinds.setdefault(number, []).append(KindColumns(position, name, role, threat))
    read = OutcomeKinds()
    for number, of_result in kinds.items():
        summary, probe, _ = places[number]
        summary.kinds[probe] = read.of_result(of_result)


def _derive(summary: Summary) -> None:
    """Non-singular robust accuracy, from the parts' outcomes."""
    parts = [summary.outcomes.get(f"{part}.headline") for part in headline_probes()]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({len(part) for part in known}) > 1:
        return
    bits = robust_under_all(known)
    share = count(bits) / summary.examples
    summary.outcomes["nonsingular.headline"] = bits
    summary.scores[NONSINGULAR] = wilson(share, summary.examples)


def robust_under_all(parts: Iterable[bytes]) -> bytes:
    """Packed outcomes that are true in all of the given ones, which have equal length."""
    rows = np.stack([np.frombuffer(part, np.uint8) for part in parts])
    return bytes(np.bitwise_and.reduce(rows, axis=0))


def count(bits: bytes) -> int:
    """Number of packed outcomes that are true."""
    return int(np.bitwise_count(np.frombuffer(bits, np.uint8)).sum())
