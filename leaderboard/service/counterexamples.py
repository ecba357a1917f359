"""Counterexamples that are sent to the service: a job each, verified in a child in the sandbox.

The job's end, the counterexample and the results that it lowers are one transaction.
"""

from __future__ import annotations

import hashlib
import secrets
import traceback
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from leaderboard.archives.counterexample_lines import stored_of
from leaderboard.archives.records import CounterexampleLine
from leaderboard.jobs.heartbeat import Heartbeat, interval
from leaderboard.jobs.owner import owner_of
from leaderboard.jobs.worker import MAX_TRACEBACK
from leaderboard.service.checker import Inspect, UncheckableError
from leaderboard.service.counterexample_check import (
    CHECKPOINT,
    FILE,
    LARGEST,
    Order,
)
from leaderboard.service.log import log
from leaderboard.service.problems import Problem
from leaderboard.service.quarantine import Quarantine
from leaderboard.service.settings import Settings
from leaderboard.service.upload import Receiver
from leaderboard.store import Entry, Store
from leaderboard.store.counterexamples import StoredCounterexample
from leaderboard.store.job import JobStatus, Lease, LeaseLostError, NewJob
from leaderboard.store.jobs import Jobs, finish
from leaderboard.store.lowering import add_counterexample
from leaderboard.store.tokens import Token
from leaderboard.submissions.workspace import kept_file
from models_zoo.errors import InputError

KIND = "counterexample"
"""Kind of a job that verifies a counterexample."""

HELD, KEPT = "counterexamples-held", "counterexamples"
"""Folders of the installation: of files that are not verified, and of those that are."""


class Claim(BaseModel):
    """What is sent with a counterexample.

    Attributes:
        sha256: of the file.
        model: fingerprint of the model.
        data: SHA-256 of the evaluation examples.
        held: name of the file among those that are not verified.
        token: of the sender.
        by: name of the sender.
        note: for readers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    model: str
    data: str
    held: str
    token: str
    by: str
    note: str = ""

    @property
    def key(self) -> str:
        """The identity of the job."""
        return job_key(self.sha256, self.model, self.data)


def job_key(sha256: str, model: str, data: str) -> str:
    """The identity of the job that verifies a file against a model on some examples."""
    return hashlib.sha256(f"{KIND} {sha256} {model} {data}".encode()).hexdigest()


@dataclass
class Counterexamples:
    """Takes counterexamples in and verifies them.

    Attributes:
        settings: of the service.
        store: where results, jobs and counterexamples are.
        inspect: calls :func:`leaderboard.service.counterexample_check.check` somewhere.
        changed: called after results were lowered.
        closed: why no files are accepted; ``None`` if they are.
    """

    settings: Settings
    store: Store
    inspect: Inspect
    changed: Callable[[], None]
    closed: str | None = None

    def __post_init__(self) -> None:
        self._jobs = Jobs(self.store.engine)
        self._owner = owner_of()
        self._held = Quarantine(self.settings.workspace, HELD)
        self._receiver = Receiver(self._held, self.settings.bounds)

    async def receive(
        self,
        token: Token,
        sha256: str,
        model: str,
        data: str,
        note: str,
        size: int,
        stream: AsyncIterator[bytes],
    ) -> Claim:
        """Receive a file, and have it verified.

        Args:
            token: of the sender.
            sha256: of the file.
            model: fingerprint of the model.
            data: hash of the evaluation examples.
            note: for readers.
            size: bytes of the file.
            stream: the bytes.

        Raises:
            Problem: it cannot be received, or there are no results that it could be about.
        """
        if self.closed is not None:
            raise Problem(503, "closed", self.closed, "ask the operator")
        await run_in_threadpool(self._require_results, model, data)
        self._receiver.require_room(size)
        number = secrets.token_hex(16)
        with self._receiver.slot(number, token.id):
            arrived, found = await self._receiver.receive(number, stream, 0, min(size, LARGEST))
        if arrived != size or found != sha256:
            self._held.remove(number)
            raise Problem(
                *(422, "wrong-hash", f"what arrived has the SHA-256 {found}"), "send it again"
            )
        claim = Claim(
            sha256=sha256,
            model=model,
            data=data,
            held=number,
            token=token.id,
            by=token.name,
            note=note,
        )
        job = NewJob(claim.key, f"counterexample by {token.name}", claim.model_dump(), KIND)
        await run_in_threadpool(self._jobs.add, [job])
        return claim

    def _require_results(self, model: str, data: str) -> None:
        if self._entry(model, data) is None:
            raise Problem(
                *(404, "not-found", "there are no results of this model on these examples"),
                "give the fingerprint and the hash of the data that the model's page shows",
            )

    def _entry(self, model: str, data: str) -> Entry | None:
        """Some results of a model on some examples."""
        entries = self.store.entries(fingerprints=[model])
        return next((each for each in entries if each.provenance.data_sha256 == data), None)

    def status(self, sha256: str, model: str, data: str) -> tuple[JobStatus, Claim] | None:
        """Where a counterexample is; ``None`` if it is not known."""
        key = job_key(sha256, model, data)
        found = self._jobs.find(key)
        return None if found is None else (found[0], Claim.model_validate(dict(found[1])))

    def result(
        self, sha256: str, model: str, data: str
    ) -> tuple[StoredCounterexample, list[str]] | None:
        """What a counterexample was verified to break; ``None`` if it was not.

        Returns:
            The counterexample, and the probes whose results counterexamples have lowered.
        """
        entry = self._entry(model, data)
        if entry is None:
            return None
        same = (each for each in entry.counterexamples if each.file_sha256 == sha256)
        found = next(same, None)
        return None if found is None else (found, sorted(entry.measured))

    def work(self) -> bool:
        """Take a job and verify its file; returns whether there was one to take."""
        lease = self._jobs.claim(self._owner, kind=KIND)
        if lease is None:
            return False
        seconds = interval(self._jobs.lease_seconds)
        claim = Claim.model_validate(lease.payload)
        try:
            with Heartbeat(self._jobs, lease, None if self.store.in_memory else seconds) as heart:
                answer = self.inspect(*self._question(claim))
                heart.require_held()
                self._settle(lease, claim, answer)
        except LeaseLostError:
            return True
        except (InputError, UncheckableError) as error:
            self._jobs.fail(lease, str(error), again=False)
        except Exception as error:
            log("fault", job=lease.number, kind=type(error).__name__)
            self._jobs.fail(lease, traceback.format_exc()[-MAX_TRACEBACK:], again=False)
        self._held.remove(claim.held)
        return True

    def _question(self, claim: Claim) -> tuple[Mapping[str, Any], Mapping[str, Path]]:
        """What the child is told, and the files that it can read."""
        entry = self._entry(claim.model, claim.data)
        if entry is None:
            raise InputError("the results that it is about are no longer stored")
        card = entry.card
        files = {FILE: self._held.path(claim.held)}
        files |= self.settings.images(str(entry.battery["dataset"]))
        suffix = ""
        if card.source == "submitted" and card.sha256 is not None:
            checkpoint = kept_file(card.sha256, self.settings.workspace)
            if checkpoint is None:
                raise InputError("the checkpoint of the model is not kept here")
            files[CHECKPOINT], suffix = checkpoint.absolute(), checkpoint.suffix
        order = Order(
            card=card,
            suffix=suffix,
            provenance=entry.provenance,
            battery=entry.battery,
            file_sha256=claim.sha256,
            by=claim.by,
            note=claim.note,
        )
        return order.model_dump(mode="json"), files

    def _settle(self, lease: Lease, claim: Claim, answer: Mapping[str, Any]) -> None:
        """Store what a child has verified, and lower the results."""
        try:
            line = CounterexampleLine.model_validate(dict(answer))
            found = stored_of(line, imported=False)
        except (ValidationError, ValueError) as error:
            raise UncheckableError(
                "checks-failed", "verifying it gave no usable answer", "send it again"
            ) from error
        about = (line.data_sha256, found.file_sha256, found.by, found.note)
        if about != (claim.data, claim.sha256, claim.by, claim.note):
            raise UncheckableError(
                "checks-failed", "verifying it gave the answer to another file", "send it again"
            )
        self._held.keep_as(claim.held, claim.sha256, self.settings.workspace / KEPT)

        def write(session: Session) -> None:
            finish(session, lease)
            add_counterexample(session, claim.model, claim.data, found)

        self.store.write(write)
        self.changed()
