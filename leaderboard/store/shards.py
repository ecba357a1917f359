"""What was found on shards of units: kept until the last one is done, and joined then.

The end of a shard's job, what it found, and for the last one the joined result are one transaction,
so that after a crash at any moment either a shard is still to be done or its unit is complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from benchmark.results import Provenance
from benchmark.shards import Shard, ShardResult
from leaderboard.store.postgresql import take_turn
from leaderboard.store.schema import ShardRow
from models_zoo.errors import reason_of

Key = tuple[str, str, str, int, str]
"""Fingerprint, battery hash, data hash, seed and probe, as of a result."""


class ShardsError(Exception):
    """The stored shards of a unit cannot be joined, such as those of another version."""


@dataclass(frozen=True)
class StoredShard:
    """What was found on a shard, and where.

    Attributes:
        provenance: of the evaluation.
        result: what was found.
    """

    provenance: Provenance
    result: ShardResult


def add_shard(session: Session, key: Key, found: StoredShard) -> list[StoredShard]:
    """Store a shard in place of an earlier result of the same one.

    Until the transaction ends, no other one adds a shard of the same unit.

    Args:
        session: in a transaction.
        key: of the unit.
        found: on the shard.

    Returns:
        All shards of the division that are stored now, in their order; none if some are missing.

    Raises:
        ShardsError: one of them cannot be read.
    """
    take_turn(session.connection(), f"shards of {key}")
    shard = found.result.shard
    same = [*_of(key), ShardRow.count == shard.count]
    session.execute(delete(ShardRow).where(*same, ShardRow.number == shard.index))
    session.add(
        ShardRow(
            **dict(zip(_NAMES, key, strict=True)),
            number=shard.index,
            count=shard.count,
            content=found.result.model_dump(mode="json"),
            provenance=found.provenance.model_dump(mode="json"),
        )
    )
    session.flush()
    if session.scalar(select(func.count()).select_from(ShardRow).where(*same)) != shard.count:
        return []
    query = select(ShardRow.provenance, ShardRow.content).where(*same).order_by(ShardRow.number)
    rows = session.execute(query).all()
    try:
        return [
            StoredShard(Provenance.model_validate(where), ShardResult.model_validate(content))
            for where, content in rows
        ]
    except ValidationError as error:
        raise ShardsError(reason_of(error)) from error


def delete_shards(session: Session, key: Key) -> None:
    """Delete all shards of a unit, of every division."""
    session.execute(delete(ShardRow).where(*_of(key)))


def stored_shards(session: Session, key: Key) -> list[Shard]:
    """The shards of a unit that are stored, of every division."""
    query = select(ShardRow.number, ShardRow.count).where(*_of(key))
    query = query.order_by(ShardRow.count, ShardRow.number)
    return [Shard(index=number, count=count) for number, count in session.execute(query)]


def environments(shards: Sequence[StoredShard]) -> list[str]:
    """Where shards were computed, a line per environment; none if it was the same for all.

    Args:
        shards: all shards of a unit.
    """
    lines = dict.fromkeys(
        f"{each.device}, {each.threads} {'thread' if each.threads == 1 else 'threads'}, "
        + ", ".join(f"{name} {version}" for name, version in sorted(each.versions.items()))
        + (f", {each.processor}" if each.processor else "")
        for each in (shard.provenance for shard in shards)
    )
    return list(lines) if len(lines) > 1 else []


_NAMES = ("fingerprint", "battery_sha256", "data_sha256", "seed", "probe")


def _of(key: Key) -> list[ColumnElement[bool]]:
    return [getattr(ShardRow, name) == value for name, value in zip(_NAMES, key, strict=True)]
