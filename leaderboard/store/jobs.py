"""Jobs: work that processes and machines take from the database.

A process that takes a job gets a lease with a random token and extends it while it works. When it
dies, the lease expires and another process takes the job. Whatever is written for a job carries the
token, so that a process that was believed dead changes nothing when it returns.

Every statement is one transaction and uses the clock of the database. On SQLite a transaction that
writes takes the write lock at its start; on PostgreSQL rows that another process is taking are
skipped.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Executable,
    Integer,
    Select,
    and_,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from leaderboard.store.clock import now, server_start
from leaderboard.store.contact import Contact
from leaderboard.store.job import CHECK, JobStatus, Lease, LeaseLostError, NewJob, State
from leaderboard.store.schema import JobRow
from leaderboard.store.writing import read, write

LEASE_SECONDS = 60.0
"""How long a job stays with a process that is not heard of. It is extended every quarter of that
from a thread of its own, so that a long pass of a large model does not lose it."""

MAX_DEATHS = 2
"""After how many deaths of the process that works on it a job has failed: memory that runs out
twice does so a third time."""

MAX_ISOLATED_DEATHS = 20
"""The same for a job in the sandbox, whose child ends instead of the process if it needs too much:
the process was restarted or killed for another reason."""

_CHUNK = 500
"""Number of keys or rows per statement: databases limit the number of variables."""

_TOKEN_BYTES = 16


class Jobs:
    """The jobs of a database.

    Args:
        engine: of an open store.
        lease_seconds: see :data:`LEASE_SECONDS`.
    """

    def __init__(self, engine: Engine, lease_seconds: float = LEASE_SECONDS) -> None:
        self._engine = engine
        self.lease_seconds = lease_seconds
        self._contact = Contact(lease_seconds)

    def add(self, jobs: Sequence[NewJob]) -> dict[str, int]:
        """Add jobs, and return the numbers of all of them by their keys.

        A job with the same key that runs or waits is joined. One that is done, failed or cancelled
        waits again, with its attempts counted anew.
        """
        numbers: dict[str, int] = {}
        each_once = list({job.key: job for job in jobs}.values())
        for start in range(0, len(each_once), _CHUNK):
            some = each_once[start : start + _CHUNK]
            numbers |= write(self._engine, partial(add_in, jobs=some))
        return numbers

    def claim(
        self,
        owner: str,
        *,
        numbers: Collection[int] | None = None,
        without: Collection[int] = (),
        kind: str = "unit",
        model: str | None = None,
    ) -> Lease | None:
        """Take a job: the first in order that waits, or whose owner is not heard of any more.

        For the time of a lease after the database was away or its server was started, owners are
        given the time to be heard of again.

        Args:
            owner: name of this process.
            numbers: take one of these only, of whichever kind.
            without: take none of these.
            kind: without numbers, take one of this kind only.
            model: fingerprint of a model whose jobs are taken first.

        Returns:
            ``None`` if there is none to take now.
        """
        token = secrets.token_hex(_TOKEN_BYTES)
        meant = [*self._among(numbers, kind), *self._without(without)]
        columns = (
            *(JobRow.id, JobRow.key, JobRow.title),
            *(JobRow.payload, JobRow.model, JobRow.attempts),
        )
        if not self._any(meant):
            return None

        def take(session: Session) -> Lease | None:
            self._expire(session, meant)
            loaded = case((JobRow.model == model, 0), else_=1)
            waiting = select(JobRow.id).where(JobRow.state == "queued", *meant)
            waiting = (
                waiting.order_by(loaded, JobRow.priority, JobRow.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            taken = (
                update(JobRow)
                .where(JobRow.id == waiting.scalar_subquery())
                .values(
                    state="running",
                    attempts=JobRow.attempts + 1,
                    lease_owner=owner,
                    lease_token=token,
                    lease_until=now() + self.lease_seconds,
                    progress=0.0,
                    started=now(),
                    finished=None,
                )
                .returning(*columns)
            )
            # If the answer of the server was lost, this process has the job already.
            held = [JobRow.state == "running", JobRow.lease_token == token]
            mine = select(*columns).where(*held)
            row = session.execute(mine).one_or_none() or session.execute(taken).one_or_none()
            if row is None:
                return None
            return Lease(row.id, token, row.key, row.title, row.payload, row.model, row.attempts)

        return write(self._engine, take)

    def any_open(
        self,
        numbers: Collection[int] | None = None,
        *,
        without: Collection[int] = (),
        kind: str = "unit",
    ) -> bool:
        """Whether a job of a kind waits or runs, or one of these if numbers are given.

        Args:
            numbers: of the jobs, of whichever kind.
            without: numbers of jobs that do not count.
            kind: without numbers, of this kind only.
        """
        open_ones = [JobRow.state.in_(("queued", "running")), *self._among(numbers, kind)]
        query = select(JobRow.id).where(*open_ones, *self._without(without)).limit(1)
        return self._found(query)

    def _any(self, meant: Sequence[ColumnElement[bool]]) -> bool:
        """Whether there may be a job to take; idle workers do not write."""
        waits = or_(JobRow.state == "queued", and_(*self._expired()))
        found = self._found(select(JobRow.id).where(waits, *meant).limit(1))
        self._contact.made()
        return found

    def _found(self, query: Select[int]) -> bool:
        return read(self._engine, lambda session: session.execute(query).one_or_none()) is not None

    def _expire(self, session: Session, meant: Sequence[ColumnElement[bool]]) -> None:
        """Take back the jobs whose lease has expired."""
        _take_back(session, [*self._expired(), *meant], "its worker stopped answering")

    def _expired(self) -> list[ColumnElement[bool]]:
        """The conditions that the owner of a job could have extended its lease and did not."""
        return [
            JobRow.state == "running",
            JobRow.lease_until < now(),
            now() - server_start() > self.lease_seconds,
            *([] if self._contact.is_steady else [false()]),
        ]

    def owner_died(self, owner: str, reason: str) -> None:
        """Take back what a process worked on that is known to have ended.

        Args:
            owner: name of the process.
            reason: how it ended, such as ``"its worker was killed by SIGKILL"``.
        """
        held = [JobRow.state == "running", JobRow.lease_owner == owner]
        write(self._engine, partial(_take_back, gone=held, reason=reason))

    def owners(self, kind: str | None = None) -> list[str]:
        """Names of the processes that have a lease.

        Args:
            kind: of a job of this kind; by default of any.
        """
        running = JobRow.state == "running", *self._among(None, kind)
        query = select(JobRow.lease_owner).where(*running).distinct()
        owners = read(self._engine, lambda session: session.scalars(query).all())
        return [owner for owner in owners if owner is not None]

    def find(self, key: str) -> tuple[JobStatus, Mapping[str, Any]] | None:
        """A job by its key, with what it is to do; ``None`` if there is none."""
        query = select(JobRow.id, JobRow.payload).where(JobRow.key == key)
        row = read(self._engine, lambda session: session.execute(query).one_or_none())
        if row is None:
            return None
        found = self.statuses([row.id])
        return (found[0], row.payload) if found else None

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs there are, by kind and state."""
        query = select(JobRow.kind, JobRow.state, func.count()).group_by(JobRow.kind, JobRow.state)
        rows = read(self._engine, lambda session: session.execute(query).all())
        return {(kind, state): count for kind, state, count in rows}

    def extend(self, lease: Lease, progress: float) -> None:
        """Say that the work on a job continues.

        Args:
            lease: the job.
            progress: share that is done.

        Raises:
            LeaseLostError: another process has taken it, or it was cancelled.
        """
        values = {"lease_until": now() + self.lease_seconds, "progress": progress}
        write(self._engine, partial(_require_held, lease=lease, values=values))
        self._contact.made()

    def fail(self, lease: Lease, error: str, *, again: bool = True) -> State:
        """Record that an attempt failed; the job waits again, or has failed for good.

        Args:
            lease: the job.
            error: why.
            again: whether another attempt may succeed.

        Returns:
            The job's state now.

        Raises:
            LeaseLostError: another process has taken it, or it was cancelled.
        """
        out = JobRow.attempts >= JobRow.max_attempts
        values = {
            "state": case((out, "failed"), else_="queued") if again else "failed",
            "error": error,
            "finished": now(),
            **_NO_LEASE,
        }

        def record(session: Session) -> str:
            _require_held(session, lease, values)
            return session.scalars(select(JobRow.state).where(JobRow.id == lease.number)).one()

        return "failed" if write(self._engine, record) == "failed" else "queued"

    def finish(self, lease: Lease) -> None:
        """Mark a job as done whose result is stored already.

        Raises:
            LeaseLostError: another process has taken it, or it was cancelled.
        """
        write(self._engine, partial(finish, lease=lease))

    def release(self, lease: Lease) -> None:
        """Let a job wait again, as if it had not been taken; nothing if it was lost meanwhile."""
        self._change(update(JobRow).where(*_held(lease)).values(_RELEASED))

    def release_owner(self, owner: str) -> None:
        """Let what a process works on wait again, as if it had not been taken.

        Args:
            owner: name of the process, which has been ended on purpose.
        """
        held = [JobRow.state == "running", JobRow.lease_owner == owner]
        self._change(update(JobRow).where(*held).values(_RELEASED))

    def statuses(
        self, numbers: Collection[int] | None = None, state: State | None = None
    ) -> list[JobStatus]:
        """Where jobs are, in the order in which they are taken.

        Args:
            numbers: of these only.
            state: only those in this state.
        """
        latest = func.coalesce(JobRow.finished, JobRow.started, JobRow.created)
        query = select(
            *(JobRow.id.label("number"), JobRow.key, JobRow.kind, JobRow.title, JobRow.model),
            *(JobRow.state, JobRow.attempts, JobRow.max_attempts, JobRow.deaths),
            *(JobRow.progress, JobRow.cost, JobRow.lease_owner.label("owner"), JobRow.error),
            (now() - latest).label("age"),
        ).where(*self._among(numbers))
        if state is not None:
            query = query.where(JobRow.state == state)
        query = query.order_by(JobRow.priority, JobRow.id)
        rows = read(self._engine, lambda session: session.execute(query).all())
        return [JobStatus(**row._mapping) for row in rows]

    def open_keys(self) -> set[str]:
        """The keys of all jobs that wait or run."""
        query = select(JobRow.key).where(JobRow.state.in_(("queued", "running")))
        return set(read(self._engine, lambda session: session.scalars(query).all()))

    def cancel(self, numbers: Collection[int]) -> int:
        """Cancel jobs that wait or run; a process that works on one stops soon.

        Returns:
            How many were cancelled.
        """
        return self._set(numbers, ("queued", "running"), {"state": "cancelled", **_NO_LEASE})

    def retry(self, numbers: Collection[int]) -> int:
        """Let failed and cancelled jobs wait again, with their attempts counted anew.

        Returns:
            How many.
        """
        values = {"state": "queued", "attempts": 0, "deaths": 0, "progress": 0.0, "error": None}
        return self._set(numbers, ("failed", "cancelled"), values)

    def _set(
        self, numbers: Collection[int], states: Sequence[State], values: Mapping[str, Any]
    ) -> int:
        meant = [JobRow.state.in_(states), *self._among(numbers)]
        change = update(JobRow).where(*meant).values(dict(values)).returning(JobRow.id)
        return len(write(self._engine, lambda session: session.execute(change).all()))

    def forget(self, numbers: Collection[int], states: Sequence[State] = ("done",)) -> None:
        """Delete jobs in some states; results stay."""
        self._change(delete(JobRow).where(JobRow.state.in_(states), *self._among(numbers)))

    def _change(self, statement: Executable) -> None:
        write(self._engine, lambda session: session.execute(statement))

    def _among(
        self, numbers: Collection[int] | None, kind: str | None = None
    ) -> list[ColumnElement[bool]]:
        """The condition that a job is one of these; as one variable, since there may be many.

        Args:
            numbers: of the jobs.
            kind: without numbers, those of this kind only; ``None`` for all.
        """
        if numbers is None:
            return [] if kind is None else [JobRow.kind == kind]
        return [JobRow.id.in_(self._listed(numbers))]

    def _without(self, numbers: Collection[int]) -> list[ColumnElement[bool]]:
        return [JobRow.id.not_in(self._listed(numbers))] if numbers else []

    def _listed(self, numbers: Collection[int]) -> Select[Any]:
        text = json.dumps(sorted(numbers))
        if self._engine.dialect.name == "sqlite":
            return select(func.json_each(text).table_valued("value").c.value)
        values = func.jsonb_array_elements_text(cast(literal(text), JSONB)).table_valued("value")
        return select(cast(values.c.value, Integer))


_NO_LEASE: Mapping[str, Any] = {"lease_owner": None, "lease_token": None, "lease_until": None}

_RELEASED: Mapping[str, Any] = {
    "state": "queued",
    "attempts": JobRow.attempts - 1,
    "progress": 0.0,
    **_NO_LEASE,
}


def finish(session: Session, lease: Lease) -> None:
    """Mark a job as done, in the transaction that stores its result.

    Raises:
        LeaseLostError: another process has taken it, or it was cancelled.
    """
    values = {"state": "done", "progress": 1.0, "error": None, "finished": now(), **_NO_LEASE}
    _require_held(session, lease, values)


def add_in(session: Session, jobs: Sequence[NewJob]) -> dict[str, int]:
    """Add a few jobs in a transaction that stores something else with them; see :meth:`Jobs.add`.

    Args:
        session: of the transaction, one that writes.
        jobs: each with a key of its own; databases limit how many.

    Returns:
        The numbers of the jobs by their keys.
    """
    keys = [job.key for job in jobs]
    query = select(JobRow.key, JobRow.id, JobRow.state).where(JobRow.key.in_(keys))
    known = {row.key: row for row in session.execute(query.with_for_update())}
    moment = session.execute(select(now())).scalar_one()
    fresh = [{"key": job.key, **_fresh(job, moment)} for job in jobs]
    if new := [values for values in fresh if values["key"] not in known]:
        session.execute(insert(JobRow), new)
    again = [
        {"id": known[values["key"]].id, **values}
        for values in fresh
        if values["key"] in known and known[values["key"]].state != "running"
    ]
    if again:
        session.execute(update(JobRow), again)
    found = select(JobRow.key, JobRow.id).where(JobRow.key.in_(keys))
    return {row.key: row.id for row in session.execute(found)}


def _fresh(job: NewJob, moment: float) -> dict[str, Any]:
    """The columns of a job that waits, without its key."""
    return {
        "kind": job.kind,
        "title": job.title,
        "payload": dict(job.payload),
        "model": job.model,
        "state": "queued",
        "priority": job.priority,
        "cost": job.cost,
        "attempts": 0,
        "max_attempts": job.max_attempts,
        "deaths": 0,
        "progress": 0.0,
        "error": None,
        "created": moment,
        "started": None,
        "finished": None,
        **_NO_LEASE,
    }


def _held(lease: Lease) -> list[ColumnElement[bool]]:
    return [
        JobRow.id == lease.number,
        JobRow.lease_token == lease.token,
        JobRow.state == "running",
    ]


def _require_held(session: Session, lease: Lease, values: Mapping[str, Any]) -> None:
    """Change a job of this process."""
    changed = update(JobRow).where(*_held(lease)).values(dict(values)).returning(JobRow.id)
    if session.execute(changed).one_or_none() is None:
        raise LeaseLostError(lease.title)


def _take_back(session: Session, gone: Sequence[ColumnElement[bool]], reason: str) -> None:
    """Let jobs wait again whose process has ended, or fail those that it happened to before."""
    # What runs in a child of its own does not end the process that waits for the child.
    sandboxed = func.coalesce(JobRow.payload["sandboxed"].as_boolean(), false())
    isolated = or_(JobRow.kind == CHECK, sandboxed)
    exhausted = and_(not_(isolated), JobRow.attempts >= JobRow.max_attempts)
    most = case((isolated, MAX_ISOLATED_DEATHS), else_=MAX_DEATHS)
    values = {
        "state": case((or_(exhausted, JobRow.deaths + 1 >= most), "failed"), else_="queued"),
        "attempts": case((isolated, JobRow.attempts - 1), else_=JobRow.attempts),
        "deaths": JobRow.deaths + 1,
        "error": reason,
        "finished": now(),
        **_NO_LEASE,
    }
    session.execute(update(JobRow).where(and_(*gone)).values(values))
