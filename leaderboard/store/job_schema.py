"""The tables of work: jobs, and what is found on shards of units until these are complete."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Float, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from leaderboard.store.base import SHA256, Base


class JobRow(Base):
    """A piece of work that a process takes from the database, see :mod:`leaderboard.store.jobs`.

    Times are seconds since 1970 by the clock of the database: those of several machines differ.

    Attributes:
        kind: what is to be done, such as ``"unit"``.
        key: identity of the work; two jobs for the same are one.
        title: the work in a few words, for people.
        payload: everything that a process needs to do it, as JSON.
        model: fingerprint of its model, so that a process that has it loaded can take more of its
            jobs; NULL if there is none.
        state: see :data:`leaderboard.store.job.State`.
        priority: jobs with a smaller number are taken first.
        cost: estimated seconds; NULL if unknown.
        attempts: how many times it was taken.
        max_attempts: after how many of them it has failed for good.
        deaths: how many of them ended with the death of the process.
        lease_owner: the process that works on it.
        lease_token: a random word per attempt; a result with another one is not stored.
        lease_until: time at which another process may take it, unless the owner extends it.
        progress: share that is done.
        error: why it failed, with the traceback where it is a fault of the program.
        created: time at which it was added; ``started`` and ``finished`` are of the last attempt.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("key", name="uq_jobs_key"),
        Index("ix_jobs_state_priority", "state", "priority", "id"),
        # Without it SQLite gives the number of a deleted job, which a process may wait for, again.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(Text)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    model: Mapped[str | None] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(20))
    priority: Mapped[int]
    cost: Mapped[float | None] = mapped_column(Float(53))
    attempts: Mapped[int]
    max_attempts: Mapped[int]
    deaths: Mapped[int]
    lease_owner: Mapped[str | None] = mapped_column(String(300))
    lease_token: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[float | None] = mapped_column(Float(53))
    progress: Mapped[float] = mapped_column(Float(53))
    error: Mapped[str | None] = mapped_column(Text)
    created: Mapped[float] = mapped_column(Float(53))
    started: Mapped[float | None] = mapped_column(Float(53))
    finished: Mapped[float | None] = mapped_column(Float(53))


class ShardRow(Base):
    """What a probe found on a shard of the examples, until all shards of its unit are done.

    It is no result: nothing but the worker that completes the unit reads it.

    Attributes:
        fingerprint: of the model; with the hashes, the seed and the probe it is the key of the
            result to which the shards are joined.
        count: into how many shards the unit is divided.
        number: which of them it is, from 0.
        content: the :class:`benchmark.shards.ShardResult` as JSON.
        provenance: the :class:`benchmark.results.Provenance` as JSON.
    """

    __tablename__ = "shards"
    __table_args__ = (
        UniqueConstraint(
            *("fingerprint", "battery_sha256", "data_sha256", "seed", "probe", "count", "number"),
            name="uq_shards_key",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(SHA256)
    battery_sha256: Mapped[str] = mapped_column(SHA256)
    data_sha256: Mapped[str] = mapped_column(SHA256)
    seed: Mapped[int] = mapped_column(BigInteger)
    probe: Mapped[str] = mapped_column(String(100))
    count: Mapped[int]
    number: Mapped[int]
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    provenance: Mapped[dict[str, Any]] = mapped_column(JSON)
