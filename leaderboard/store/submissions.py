"""Submissions in the database: every change of their state, with its history.

A change is one transaction together with the jobs that follow from it, and says from which states
it starts. What is done again after a process was killed, or by two processes at once, therefore
happens once.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Engine, func, insert, select, update
from sqlalchemy.orm import Session

from leaderboard.store.clock import now
from leaderboard.store.job import CHECK, Lease, NewJob
from leaderboard.store.jobs import add_in, finish
from leaderboard.store.schema import JobRow, SubmissionEventRow, SubmissionRow
from leaderboard.store.submission import (
    OPEN,
    SCORING,
    Event,
    State,
    Submission,
    UnitStatus,
    check_key,
    state_of_check,
    state_of_units,
)
from leaderboard.store.writing import read, write
from models_zoo.display import shown
from models_zoo.errors import InputError

_ID_BYTES = 16

_COLUMNS = [getattr(SubmissionRow, field.name) for field in fields(Submission)]


class WrongStateError(InputError):
    """A submission is not in a state in which something can be done with it."""


@dataclass(frozen=True)
class NewSubmission:
    """What is known of a submission before its file arrives; see its row for the fields."""

    description: Mapping[str, Any]
    file_name: str
    token: str | None = None
    expected_bytes: int | None = None
    expected_sha256: str | None = None


class Submissions:
    """The submissions of a database.

    Args:
        engine: of an open store.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, new: NewSubmission) -> str:
        """Add a submission whose file is to arrive; returns its identifier."""
        number = secrets.token_hex(_ID_BYTES)

        def add(session: Session) -> None:
            values = {each.name: getattr(new, each.name) for each in fields(NewSubmission)}
            row = {"id": number, "state": "uploading", "received_bytes": 0, **values}
            session.execute(insert(SubmissionRow).values(**row, created=now(), changed=now()))
            _record(session, number, "uploading", new.token, "")

        write(self._engine, add)
        return number

    def get(self, number: str) -> Submission | None:
        """A submission; ``None`` if there is none."""
        found = self._found(SubmissionRow.id == number) if _is_id(number) else []
        return found[0] if found else None

    def listed(
        self,
        *,
        token: str | None = None,
        states: Collection[State] | None = None,
        most: int | None = 1000,
    ) -> list[Submission]:
        """Submissions, the newest first.

        Args:
            token: only those of this submitter.
            states: only those in one of these states.
            most: maximum number; ``None`` for all.
        """
        conditions: list[ColumnElement[bool]] = []
        if token is not None:
            conditions.append(SubmissionRow.token == token)
        if states is not None:
            conditions.append(SubmissionRow.state.in_(list(states)))
        return self._found(*conditions, most=most)

    def _found(self, *conditions: ColumnElement[bool], most: int | None = 1) -> list[Submission]:
        query = select(*_COLUMNS).where(*conditions)
        query = query.order_by(SubmissionRow.created.desc(), SubmissionRow.id).limit(most)
        rows = read(self._engine, lambda session: session.execute(query).all())
        return [Submission(**row._mapping) for row in rows]

    def history(self, number: str) -> list[Event]:
        """What happened to a submission, the oldest first."""
        columns = [getattr(SubmissionEventRow, field.name) for field in fields(Event)]
        query = select(*columns).where(SubmissionEventRow.submission == number)
        query = query.order_by(SubmissionEventRow.id)
        rows = read(self._engine, lambda session: session.execute(query).all())
        return [Event(**row._mapping) for row in rows]

    def bytes_since(self, token: str, seconds: float) -> int:
        """How many bytes arrived, or were announced, with a token in the last seconds."""
        size = func.coalesce(SubmissionRow.expected_bytes, SubmissionRow.received_bytes)
        query = select(func.coalesce(func.sum(size), 0)).where(
            SubmissionRow.token == token, SubmissionRow.created > now() - seconds
        )
        return int(read(self._engine, lambda session: session.execute(query).scalar_one()))

    def received(self, number: str, size: int) -> None:
        """Record how much of the file has arrived."""
        change = update(SubmissionRow).where(
            SubmissionRow.id == number, SubmissionRow.state == "uploading"
        )
        values = {"received_bytes": size, "changed": now()}
        write(self._engine, lambda session: session.execute(change.values(values)))

    def complete(self, number: str, size: int, sha256: str) -> None:
        """The file has arrived: let a checker take it.

        Raises:
            WrongStateError: the submission does not wait for a file.
        """

        def change(session: Session) -> None:
            values = {"received_bytes": size, "sha256": sha256, "expected_bytes": size}
            _move(session, number, ["uploading"], "checking", values=values)
            job = NewJob(
                key=check_key(number),
                kind=CHECK,
                title=f"check of submission {number[:8]}",
                payload={"submission": number},
                priority=min(size >> 20, 2**30),
            )
            add_in(session, [job])

        write(self._engine, change)

    def refuse(
        self,
        number: str,
        reason: str,
        *,
        token: str | None = None,
        lease: Lease | None = None,
        verdict: Mapping[str, Any] | None = None,
        isolation: str | None = None,
    ) -> None:
        """Refuse a submission: by the checks, whose job is done with it, or by a maintainer.

        Args:
            number: identifier of the submission.
            reason: why, in one line.
            token: of the maintainer.
            lease: of the job that checked it.
            verdict: of the checks.
            isolation: what they were isolated by.

        Raises:
            LeaseLostError: another process checks it.
            WrongStateError: it is in a state in which it cannot be refused.
        """

        def change(session: Session) -> None:
            values: dict[str, Any] = {"reason": reason}
            if lease is not None:
                finish(session, lease)
                values |= {"verdict": verdict, "isolation": isolation}
            states: tuple[State, ...] = ("waiting",) if lease is None else ("checking", "failed")
            _move(session, number, states, "refused", token, reason, values)

        write(self._engine, change)

    def accept(
        self,
        number: str,
        units: Sequence[NewJob],
        fingerprint: str,
        lease: Lease,
        verdict: Mapping[str, Any],
        *,
        isolation: str,
        waits: bool,
    ) -> None:
        """The checks found nothing against a submission: let it be scored, or wait for approval.

        Args:
            number: identifier of the submission.
            units: the jobs that score it.
            fingerprint: of the model.
            lease: of the job that checked it.
            verdict: of the checks.
            isolation: what they were isolated by.
            waits: whether a maintainer has to approve first.

        Raises:
            LeaseLostError: another process checks it.
            WrongStateError: it was withdrawn.
        """

        def change(session: Session) -> None:
            finish(session, lease)
            values = {
                "verdict": verdict,
                "isolation": isolation,
                "model": fingerprint,
                "units": [_packed(unit) for unit in units],
                "reason": None,
            }
            state: State = "waiting" if waits else "queued"
            _move(session, number, ("checking", "failed"), state, values=values)
            if not waits:
                add_in(session, units)

        write(self._engine, change)

    def approve(self, number: str, token: str | None = None) -> None:
        """Let a submission be scored that waits for it.

        Raises:
            WrongStateError: it does not.
        """

        def change(session: Session) -> None:
            _move(session, number, ["waiting"], "queued", token, "approved")
            units = session.scalars(select(SubmissionRow.units).where(SubmissionRow.id == number))
            add_in(session, [NewJob(**unit) for unit in units.one() or ()])

        write(self._engine, change)

    def withdraw(self, number: str, token: str | None = None, reason: str = "") -> None:
        """Give up a submission; units that no other submission needs are cancelled.

        Raises:
            WrongStateError: it is over already.
        """

        def change(session: Session) -> None:
            _move(session, number, OPEN, "withdrawn", token, reason, {"reason": reason or None})
            keys = [check_key(number), *_keys(session, SubmissionRow.id == number)]
            others = SubmissionRow.state.in_(("queued", "running")), SubmissionRow.id != number
            needed = set(_keys(session, *others))
            mine = [key for key in keys if key not in needed]
            cancelled = {
                "state": "cancelled",
                **dict.fromkeys(("lease_owner", "lease_token", "lease_until")),
            }
            open_ones = JobRow.key.in_(mine), JobRow.state.in_(("queued", "running"))
            session.execute(update(JobRow).where(*open_ones).values(cancelled))

        write(self._engine, change)

    def give_up_uploads(self, seconds: float) -> list[str]:
        """Withdraw submissions whose file has not gone on arriving for some time.

        Returns:
            Their identifiers.
        """
        late = select(SubmissionRow.id).where(
            SubmissionRow.state == "uploading", SubmissionRow.changed < now() - seconds
        )
        found = read(self._engine, lambda session: session.scalars(late).all())
        for number in found:
            self.withdraw(number, reason="the upload was not finished")
        return list(found)

    def units(self, submission: Submission) -> list[UnitStatus]:
        """Where the units of a submission are, in the order in which they are taken."""
        return read(self._engine, partial(_units, units=submission.units or ()))

    def ahead(self, submission: Submission) -> int:
        """How many jobs of its kind are taken before the first that a submission waits for."""
        if submission.state == "checking":
            keys = [check_key(submission.id)]
        elif submission.state == "queued":
            keys = [str(unit["key"]) for unit in submission.units or ()]
        else:
            return 0

        def count(session: Session) -> int:
            own = select(JobRow.kind, JobRow.priority, JobRow.id).where(
                JobRow.key.in_(keys), JobRow.state == "queued"
            )
            first = session.execute(own.order_by(JobRow.priority, JobRow.id)).first()
            if first is None:
                return 0
            before = (JobRow.priority < first.priority) | (
                (JobRow.priority == first.priority) & (JobRow.id < first.id)
            )
            open_ones = JobRow.state.in_(("queued", "running")), JobRow.kind == first.kind, before
            found = session.execute(select(func.count()).select_from(JobRow).where(*open_ones))
            return int(found.scalar_one())

        return read(self._engine, count)

    def settle(self, states: Collection[State] = ("checking", *SCORING)) -> list[str]:
        """Bring the states of submissions in line with their jobs.

        Args:
            states: of those that are looked at.

        Returns:
            Identifiers of those that are over since then.
        """
        over = []
        for each in self.listed(states=states, most=None):
            state, reason = read(self._engine, partial(_settled, submission=each))
            if state == each.state:
                continue
            change = partial(
                _move,
                number=each.id,
                states=(each.state,),
                state=state,
                note=reason,
                values={"reason": reason or None},
            )
            try:
                write(self._engine, change)
            except WrongStateError:  # it was changed meanwhile; the next call looks again
                continue
            if state in ("done", "failed"):
                over.append(each.id)
        return over


def _settled(session: Session, submission: Submission) -> tuple[State, str]:
    """The state that a submission should have, and why it has failed."""
    if submission.units is None:
        row = session.execute(
            select(JobRow.state, JobRow.error).where(JobRow.key == check_key(submission.id))
        ).one_or_none()
        state = state_of_check(None if row is None else row.state)
        return state, "the checks could not be made" if state == "failed" else ""
    units = _units(session, submission.units)
    failed = [each.title for each in units if each.state in ("failed", "cancelled")]
    state = state_of_units(units)
    return state, f"{'; '.join(failed)} failed" if state == "failed" else ""


def _units(session: Session, units: Sequence[Mapping[str, Any]]) -> list[UnitStatus]:
    columns = (JobRow.key, JobRow.state, JobRow.progress, JobRow.error)
    keys = [unit["key"] for unit in units]
    found = {row.key: row for row in session.execute(select(*columns).where(JobRow.key.in_(keys)))}
    return [
        UnitStatus(
            key=unit["key"],
            title=unit["title"],
            state=row.state if row else "done",
            progress=row.progress if row else 1.0,
            seconds=unit["cost"] or 0.0,
            error=row.error if row else None,
        )
        for unit in units
        for row in [found.get(unit["key"])]
    ]


def _keys(session: Session, *conditions: ColumnElement[bool]) -> list[str]:
    """The keys of all units of some submissions."""
    found = session.scalars(select(SubmissionRow.units).where(*conditions))
    return [unit["key"] for units in found for unit in units or ()]


def _packed(job: NewJob) -> dict[str, Any]:
    return {each.name: getattr(job, each.name) for each in fields(NewJob)}


def _move(
    session: Session,
    number: str,
    states: Sequence[State],
    state: State,
    token: str | None = None,
    note: str = "",
    values: Mapping[str, Any] | None = None,
) -> None:
    """Change the state of a submission that is in one of some states, and record it."""
    change = update(SubmissionRow).where(
        SubmissionRow.id == number, SubmissionRow.state.in_(list(states))
    )
    change = change.values({**(values or {}), "state": state, "changed": now()})
    if session.execute(change.returning(SubmissionRow.id)).one_or_none() is None:
        query = select(SubmissionRow.state).where(SubmissionRow.id == number)
        found = session.scalars(query).one_or_none()
        if found is None:
            raise WrongStateError(f"there is no submission {shown(number)}")
        raise WrongStateError(f"submission {number} is {found}, so it cannot become {state}")
    _record(session, number, state, token, note)


def _record(session: Session, number: str, state: State, token: str | None, note: str) -> None:
    row = {"submission": number, "state": state, "token": token, "note": note}
    session.execute(insert(SubmissionEventRow).values(**row, moment=now()))


def _is_id(text: str) -> bool:
    """Whether a text can be an identifier; others may have characters that no database takes."""
    return len(text) == 2 * _ID_BYTES and set(text) <= set("0123456789abcdef")
