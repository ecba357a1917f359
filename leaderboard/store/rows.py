"""Models and results as rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from benchmark.budgets import Budget
from benchmark.results import OutcomeKind, ProbeResult, Provenance
from benchmark.threats import JointThreat
from leaderboard.store import encoding
from leaderboard.store.failures import UnavailableError
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow, ScoreRow
from models_zoo.card import Card

_PRECEDENCE = {
    "memory": 0,
    "file": 1,
    **dict.fromkeys(("hf-hub", "robustbench", "timm", "torchvision"), 2),
    "submitted": 3,
    **dict.fromkeys(("bundled", "downloaded", "installed"), 4),
}
"""Which card is shown if the same function is scored under two: the zoo's comes first."""

_THREAT_FIELDS = ("norm", "eps", "geometry", "radius", "rule")
"""Fields of threats that have a column of their own."""

_ENDS = ("value", "low", "high")

_KIND_COLUMNS = ("role", "threat", "kind", "threat_key", "label", *_THREAT_FIELDS)


def save_model(session: Session, card: Card, provenance: Provenance, *, submitted: bool) -> None:
    """Store a model's card, unless one that takes precedence is stored."""
    own = ModelRow.fingerprint == provenance.fingerprint
    known = session.scalar(select(ModelRow.fingerprint).where(own))
    stored = stored_card(session, provenance.fingerprint) if known is not None else None
    if stored is not None:
        rank, stored_rank = _PRECEDENCE[card.source], _PRECEDENCE[stored.source]
        if rank < stored_rank or (rank == stored_rank and card.name != stored.name):
            return
        if card.function is None:  # it is found once per run
            card = card.model_copy(update={"function": stored.function})
    values: dict[str, Any] = {
        "name": card.name,
        "card": card.model_dump(mode="json"),
        "submitted": submitted,
        "checkpoint_sha256": provenance.checkpoint_sha256,
    }
    if known is not None:
        session.execute(update(ModelRow).where(own).values(values))
    else:
        session.add(ModelRow(fingerprint=provenance.fingerprint, first_seen=_now(), **values))
    session.flush()


def stored_card(session: Session, fingerprint: str) -> Card | None:
    """The stored card of a model; ``None`` if there is none or it cannot be read."""
    try:
        query = select(ModelRow.card).where(ModelRow.fingerprint == fingerprint)
        return Card.model_validate(session.scalar(query))
    except UnavailableError:
        raise
    except (ValueError, RecursionError):
        return None


def result_row(
    provenance: Provenance,
    battery: Mapping[str, Any],
    result: ProbeResult,
    archive: str | None = None,
) -> ResultRow:
    """A result's row with those of its scores and outcomes.

    Args:
        provenance: of the result.
        battery: content of the battery, as JSON.
        result: the result.
        archive: SHA-256 of the archive it was imported from.
    """
    return ResultRow(
        fingerprint=provenance.fingerprint,
        battery_sha256=provenance.battery_sha256,
        data_sha256=provenance.data_sha256,
        seed=provenance.seed,
        probe=result.probe,
        battery=provenance.battery,
        battery_content=dict(battery),
        raised_flags=count_raised_flags(result),
        payload=result.model_dump(),  # not mode="json": that turns an infinity into null
        provenance=provenance.model_dump(mode="json"),
        created=_now(),
        archive=archive,
        scores=score_rows(result),
        outcomes=outcome_rows(result),
    )


def score_rows(result: ProbeResult) -> list[ScoreRow]:
    """The scores of a result as rows."""
    return [
        ScoreRow(name=name, n=score.n, **{end: _or_null(getattr(score, end)) for end in _ENDS})
        for name, score in result.scores.items()
    ]


def outcome_rows(result: ProbeResult) -> list[OutcomeRow]:
    """The outcomes of a result as rows."""
    return [OutcomeRow(**columns) for columns in outcome_columns(result)]


def count_raised_flags(result: ProbeResult) -> int | None:
    """Number of raised flags of a result; ``None`` if it has no checks."""
    return sum(flag.raised for flag in result.flags) if result.flags else None


def outcome_columns(result: ProbeResult) -> list[dict[str, Any]]:
    """The outcomes of a result as rows, without the number of the result."""
    return [
        {
            "name": name,
            "n": bits.size,
            "bits": encoding.pack(bits),
            "n_robust": int(bits.sum()),
            "position": position,
            **kind_columns(result.outcome_kinds.get(name)),
        }
        for position, (name, bits) in enumerate(result.outcomes.items())
    ]


def kind_columns(kind: OutcomeKind | None) -> dict[str, Any]:
    """What an outcome is about, as columns of its row; all of them, ``None`` where it has none."""
    columns: dict[str, Any] = dict.fromkeys(_KIND_COLUMNS)
    if kind is None:
        return columns
    columns |= kind.model_dump(mode="json")
    threat = kind.threat
    if threat is None:
        return columns
    columns |= {"kind": threat.kind, "threat_key": threat.key, "label": threat.label}
    parts = [threat.inputs, threat.weights] if isinstance(threat, JointThreat) else [threat]
    for name in _THREAT_FIELDS:
        for part in parts:
            value = getattr(part, name, None)
            if value is not None:
                columns[name] = float(value) if isinstance(value, Budget) else value
    return columns


def _or_null(value: float) -> float | None:
    """The value as it is stored: SQLite turns NaN into NULL, PostgreSQL would keep it."""
    return None if math.isnan(value) else value


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
