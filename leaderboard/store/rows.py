"""Models and results as rows, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from benchmark.results import ProbeResult, Provenance
from leaderboard.store import encoding
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow, ScoreRow
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


def save_model(session: Session, card: Card, provenance: Provenance, *, submitted: bool) -> None:
    """Keep a model's card, unless the function is known under one that goes before it."""
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


def result_row(provenance: Provenance, battery: Battery, result: ProbeResult) -> ResultRow:
    """A result's row with those of its scores and outcomes."""
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


def result_of(row: ResultRow) -> ProbeResult:
    """The result that :func:`result_row` was given."""
    outcomes = {o.name: encoding.unpack(o.bits, o.n) for o in row.outcomes}
    return ProbeResult.model_validate(row.payload | {"outcomes": outcomes})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
