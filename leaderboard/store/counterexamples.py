"""Counterexamples of stored models, and results as they were before these lowered them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from benchmark.counterexamples import Verified
from benchmark.counterexamples.counterexample import Claimed
from benchmark.results import ProbeResult, Score
from leaderboard.store import encoding
from leaderboard.store.schema import CounterexampleRow

_THREATS: TypeAdapter[Claimed] = TypeAdapter(Claimed)
_SCORES = TypeAdapter(dict[str, Score])


@dataclass(frozen=True)
class StoredCounterexample:
    """A verified counterexample with its finder.

    Attributes:
        file_sha256: of its file.
        found: what it was verified to break.
        by: who found it, as they gave it.
        created: UTC time at which it was verified, ISO 8601.
        note: a note for readers.
        battery_sha256: of a backdoor, the battery that has it; ``None`` for all others, which are
            about every battery.
        seed: of a backdoor, the seed of the results that it is about.
        imported: whether it was read from an archive rather than verified with this database.
    """

    file_sha256: str
    found: Verified
    by: str
    created: str
    note: str = ""
    battery_sha256: str | None = None
    seed: int | None = None
    imported: bool = False

    @property
    def line(self) -> str:
        """The counterexample in one line."""
        broken = self.found.n_broken
        what = f"{broken:,} example{'s' if broken != 1 else ''}"
        return f"{self.found.threat.label}: {what}, by {self.by}, {self.created[:10]}"


def measured_text(result: ProbeResult) -> str:
    """A result as it was measured, with its outcomes, as JSON text."""
    outcomes = {
        name: {"n": bits.size, "packed": b64encode(encoding.pack(bits)).decode()}
        for name, bits in result.outcomes.items()
    }
    return encoding.dumps({"content": result.model_dump(), "outcomes": outcomes})


def measured_parts(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The content and the outcomes of :func:`measured_text`.

    Raises:
        ValueError: it is not such a text.
    """
    found = encoding.loads(text)
    try:
        outcomes = {
            name: encoding.unpack(b64decode(each["packed"], validate=True), each["n"])
            for name, each in found["outcomes"].items()
        }
        return dict(found["content"]), outcomes
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError("the result as it was measured cannot be read") from error


def read_counterexamples(
    session: Session, fingerprint: str, data_sha256: str
) -> list[StoredCounterexample]:
    """The counterexamples of a model on some examples, in the order in which they were stored."""
    query = (
        select(CounterexampleRow)
        .where(
            CounterexampleRow.fingerprint == fingerprint,
            CounterexampleRow.data_sha256 == data_sha256,
        )
        .order_by(CounterexampleRow.id)
    )
    return [_stored(row) for row in session.scalars(query)]


def count_counterexamples(session: Session) -> dict[tuple[str, str], int]:
    """How many there are, by the fingerprint of the model and the hash of the examples."""
    key = (CounterexampleRow.fingerprint, CounterexampleRow.data_sha256)
    query = select(*key, func.count()).group_by(*key)
    return {(model, data): count for model, data, count in session.execute(query)}


def counterexample_row(
    fingerprint: str, data_sha256: str, new: StoredCounterexample
) -> CounterexampleRow:
    """A counterexample of a model on some examples as a row."""
    found = new.found
    return CounterexampleRow(
        fingerprint=fingerprint,
        data_sha256=data_sha256,
        file_sha256=new.file_sha256,
        found_by=new.by,
        created=datetime.fromisoformat(new.created).astimezone(UTC).replace(tzinfo=None),
        note=new.note,
        threat=_THREATS.dump_python(found.threat, mode="json"),
        label=found.threat.label,
        n=len(found.robust),
        n_broken=found.n_broken,
        robust=encoding.pack(found.robust),
        broken=encoding.pack(found.broken),
        scores=_SCORES.dump_python(found.scores) or None,
        n_held_out=None if found.held_out is None else len(found.held_out),
        held_out=None if found.held_out is None else encoding.pack(found.held_out),
        battery_sha256=new.battery_sha256,
        seed=new.seed,
        imported=new.imported,
    )


def _stored(row: CounterexampleRow) -> StoredCounterexample:
    held_out = None
    if row.held_out is not None and row.n_held_out is not None:
        held_out = encoding.unpack(row.held_out, row.n_held_out)
    return StoredCounterexample(
        file_sha256=row.file_sha256,
        found=Verified(
            _THREATS.validate_python(row.threat),
            encoding.unpack(row.robust, row.n),
            encoding.unpack(row.broken, row.n),
            _SCORES.validate_python(row.scores or {}),
            held_out,
        ),
        by=row.found_by,
        created=row.created.replace(tzinfo=UTC).isoformat(timespec="seconds"),
        note=row.note,
        battery_sha256=row.battery_sha256,
        seed=row.seed,
        imported=row.imported,
    )
