"""Saving and reading results."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from benchmark.results import ProbeResult, Provenance
from leaderboard.store import encoding
from leaderboard.store.database import WRITES, open_engine
from leaderboard.store.entry import Entry
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow, ScoreRow
from leaderboard.store.summaries import Summary, read_summaries
from models_zoo.card import Card

if TYPE_CHECKING:
    from benchmark.batteries import Battery

_PRECEDENCE = {
    "memory": 0,
    "file": 1,
    **dict.fromkeys(("hf-hub", "robustbench", "timm", "torchvision"), 2),
    "submitted": 3,
    **dict.fromkeys(("bundled", "downloaded", "installed"), 4),
}
"""Which card is shown when the same function is scored under two: the zoo's own wins."""


class Store:
    """Results in a database. Every write is one transaction: all of a result or nothing of it.

    Args:
        engine: a database that holds this version's tables; :meth:`open` makes one.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, database: str | Path, *, to_read: bool = False) -> Store:
        """Open a database and bring its tables to this version.

        Args:
            database: an SQLAlchemy URL, or the path of an SQLite file; ``":memory:"`` for a test.
            to_read: only read from it: a missing file is an error, a read-only one is not.
                Otherwise a missing file is created and a read-only one refused at once.

        Raises:
            InputError: it cannot be opened, written or understood.
        """
        return cls(open_engine(database, to_read=to_read))

    def save(
        self,
        card: Card,
        provenance: Provenance,
        battery: Battery,
        result: ProbeResult,
        *,
        submitted: bool = False,
    ) -> None:
        """Store one probe's answer, in place of an earlier one for the same key.

        The key is (fingerprint, battery hash, data hash, seed, probe). When the same function was
        scored under another card, the zoo's card wins over a submitted one, that over a file's.

        Args:
            card: the model's card.
            provenance: where the answer comes from.
            battery: the battery it belongs to; its content is kept beside it.
            result: the answer, with its outcomes.
            submitted: whether the model came in through ``nonsingular submit``.
        """

        def write(session: Session) -> None:
            _save_model(session, card, provenance, submitted=submitted)
            key = (provenance.fingerprint, provenance.battery_sha256, provenance.data_sha256)
            same = [*_of(*key, provenance.seed), ResultRow.probe == result.probe]
            old = session.scalars(select(ResultRow).where(*same)).one_or_none()
            if old is not None:
                session.delete(old)
                session.flush()
            session.add(_row(provenance, battery, result))

        try:
            self._write(write)
        except IntegrityError:
            # Only where the database has no write lock: another process stored the same key in
            # between. It is there now, so the second attempt replaces it.
            self._write(write)

    def results(
        self, fingerprint: str, battery_sha256: str, data_sha256: str, seed: int
    ) -> dict[str, ProbeResult]:
        """What is stored for a model, battery, data and seed: answers with outcomes, by probe."""
        same = _of(fingerprint, battery_sha256, data_sha256, seed)
        query = select(ResultRow).where(*same).options(selectinload(ResultRow.outcomes))
        with Session(self.engine) as session:
            return {row.probe: _result(row) for row in session.scalars(query)}

    def card(self, fingerprint: str) -> Card | None:
        """The card a function is shown under; ``None`` where none of its results are stored."""
        with Session(self.engine) as session:
            row = session.get(ModelRow, fingerprint)
            return Card.model_validate(row.card) if row else None

    def entries(
        self, battery: str | None = None, fingerprints: Collection[str] | None = None
    ) -> list[Entry]:
        """Everything stored, one entry a (fingerprint, battery hash, data hash, seed).

        Args:
            battery: name of a battery, to leave out the others.
            fingerprints: models, to leave out the others.

        Returns:
            Entries in the order in which their models were first seen.
        """
        query = (
            select(ResultRow)
            .join(ResultRow.model)
            .order_by(ModelRow.first_seen, ModelRow.fingerprint, ResultRow.id)
            .options(
                joinedload(ResultRow.model),
                selectinload(ResultRow.outcomes),
                defer(ResultRow.battery_content),
            )
        )
        if battery is not None:
            query = query.where(ResultRow.battery == battery)
        if fingerprints is not None:
            query = query.where(ResultRow.fingerprint.in_(list(fingerprints)))
        batteries = self.batteries()
        entries: dict[tuple[str, str, str, int], Entry] = {}
        with Session(self.engine) as session:
            for row in session.scalars(query):
                key = (row.fingerprint, row.battery_sha256, row.data_sha256, row.seed)
                if key not in entries:
                    card = Card.model_validate(row.model.card)
                    battery_content = batteries[row.battery_sha256]
                    entries[key] = Entry(card, battery_content, row.model.submitted)
                entries[key].results[row.probe] = _result(row)
                entries[key].provenances[row.probe] = Provenance.model_validate(row.provenance)
        return list(entries.values())

    def summaries(
        self, scores: Collection[tuple[str, str]], outcomes_of: Collection[str] = ()
    ) -> list[Summary]:
        """Everything stored as tables show it, without curves, pictures and protocols.

        Args:
            scores: probe and name of each score that is wanted.
            outcomes_of: probes whose outcomes are wanted, all of them; of others the headline.
        """
        return read_summaries(self.engine, scores, outcomes_of)

    def batteries(self) -> dict[str, dict[str, Any]]:
        """The content of every battery with stored results, by its hash."""
        one_each = select(func.min(ResultRow.id)).group_by(ResultRow.battery_sha256)
        query = select(ResultRow.battery_sha256, ResultRow.battery_content).where(
            ResultRow.id.in_(one_each)
        )
        with Session(self.engine) as session:
            return {row.battery_sha256: row.battery_content for row in session.execute(query)}

    def _write(self, write: Callable[[Session], None]) -> None:
        with Session(self.engine.execution_options(**{WRITES: True})) as session, session.begin():
            write(session)


def _of(
    fingerprint: str, battery_sha256: str, data_sha256: str, seed: int
) -> list[ColumnElement[bool]]:
    return [
        ResultRow.fingerprint == fingerprint,
        ResultRow.battery_sha256 == battery_sha256,
        ResultRow.data_sha256 == data_sha256,
        ResultRow.seed == seed,
    ]


def _save_model(session: Session, card: Card, provenance: Provenance, *, submitted: bool) -> None:
    row = session.get(ModelRow, provenance.fingerprint)
    if row is None:
        row = ModelRow(fingerprint=provenance.fingerprint, first_seen=_now())
        session.add(row)
    else:
        shown = Card.model_validate(row.card)
        rank, shown_rank = _PRECEDENCE[card.source], _PRECEDENCE[shown.source]
        if rank < shown_rank or (rank == shown_rank and card.name != shown.name):
            return
    row.name, row.card, row.submitted = card.name, card.model_dump(mode="json"), submitted
    row.checkpoint_sha256 = provenance.checkpoint_sha256
    session.flush()


def _row(provenance: Provenance, battery: Battery, result: ProbeResult) -> ResultRow:
    return ResultRow(
        fingerprint=provenance.fingerprint,
        battery_sha256=provenance.battery_sha256,
        data_sha256=provenance.data_sha256,
        seed=provenance.seed,
        probe=result.probe,
        battery=battery.name,
        battery_content=battery.model_dump(mode="json"),
        payload=result.model_dump(),  # not mode="json": that turns an infinity into null
        provenance=provenance.model_dump(mode="json"),
        created=_now(),
        scores=[
            ScoreRow(name=name, value=score.value, low=score.low, high=score.high, n=score.n)
            for name, score in result.scores.items()
        ],
        outcomes=[
            OutcomeRow(name=name, n=bits.size, bits=encoding.pack(bits))
            for name, bits in result.outcomes.items()
        ],
    )


def _result(row: ResultRow) -> ProbeResult:
    outcomes = {o.name: encoding.unpack(o.bits, o.n) for o in row.outcomes}
    return ProbeResult.model_validate(row.payload | {"outcomes": outcomes})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
