"""Checking files that have arrived: a job each, in a child in the sandbox.

A checker takes jobs with leases as a worker does. The verdict, the submission's new state and the
jobs that follow are stored in one transaction with the end of the job, so that a checker that is
killed at any moment has either done all of it or nothing.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from leaderboard.jobs.check import (
    BATTERY,
    FILE,
    SUFFIXES,
    Order,
    Outcome,
    Plan,
)
from leaderboard.jobs.heartbeat import Heartbeat, interval
from leaderboard.jobs.owner import owner_of
from leaderboard.jobs.submitted import Sources, units_of
from leaderboard.jobs.worker import MAX_TRACEBACK
from leaderboard.service.intake import Intake
from leaderboard.service.log import log
from leaderboard.store import Store
from leaderboard.store.job import CHECK, Lease, LeaseLostError, NewJob
from leaderboard.store.jobs import Jobs
from leaderboard.store.submission import ACCEPTED, Submission
from leaderboard.store.submissions import WrongStateError
from leaderboard.submissions.description import Description
from leaderboard.submissions.finding import PAGE, Finding, Verdict
from models_zoo.errors import printable

Inspect = Callable[[Mapping[str, Any], Mapping[str, Path]], Mapping[str, Any]]
"""Calls :func:`leaderboard.jobs.check.check_and_plan` somewhere, and returns its answer.

Raises:
    UncheckableError: the file cannot be checked: it makes the child fail.
"""

_FIRST = 2**31
"""What is subtracted from priorities, so that submissions come before all other jobs until 2038."""


_LOST = ("file-lost", "the service has lost the file", "submit it again")
"""Finding where a file is gone, as after a backup was restored that did not have it."""


_TAKEN = ("name-taken", "another model has got this name meanwhile", "choose another name")
"""Finding where two submitters sent models under the same name at once."""


class UncheckableError(Exception):
    """A file makes its checks fail, and would do so again.

    Attributes:
        id: of the finding that the submitter gets.
        saw: what happened, in one line.
        fix: what to do, in one line.
    """

    def __init__(self, number: str, saw: str, fix: str) -> None:
        super().__init__(saw)
        self.id, self.saw, self.fix = number, saw, fix


@dataclass
class Checker:
    """Takes files that have arrived, checks them and stores the verdict.

    Attributes:
        store: where jobs, submissions and scores are.
        intake: with the settings and the files.
        inspect: calls the checks.
        isolation: what they are isolated by.
    """

    store: Store
    intake: Intake
    inspect: Inspect
    isolation: str

    def __post_init__(self) -> None:
        self._jobs = Jobs(self.store.engine)
        self._owner = owner_of()

    def work(self) -> bool:
        """Take a job and check its file; returns whether there was one to take."""
        lease = self._jobs.claim(self._owner, kind=CHECK)
        if lease is None:
            return False
        seconds = interval(self._jobs.lease_seconds)
        try:
            with Heartbeat(self._jobs, lease, None if self.store.in_memory else seconds) as heart:
                self._check(lease, heart)
        except (LeaseLostError, WrongStateError):  # another process has it, or it was withdrawn
            pass
        except Exception as error:
            log("fault", job=lease.number, kind=type(error).__name__)
            self._jobs.fail(lease, traceback.format_exc()[-MAX_TRACEBACK:], again=False)
        return True

    def _check(self, lease: Lease, heart: Heartbeat) -> None:
        number = str(lease.payload.get("submission", ""))
        submission = self.intake.submissions.get(number)
        if submission is None or submission.state not in ("checking", "failed"):
            self._jobs.finish(lease)
            return
        description = Description.model_validate(dict(submission.description))
        try:
            if not self.intake.quarantine.bring_back(number, str(submission.sha256)):
                raise UncheckableError(*_LOST)
            outcome = Outcome.model_validate(self.inspect(*self._question(submission, description)))
        except (UncheckableError, ValidationError) as error:
            outcome = Outcome(verdict=_failed(error))
        if outcome.verdict.accepted and self.intake.is_taken(submission):
            outcome = Outcome(verdict=_failed(UncheckableError(*_TAKEN)))
        heart.require_held()
        self._settle(lease, submission, description, outcome)
        if outcome.plan is None or not self.intake.settings.require_approval:
            self.intake.quarantine.remove(number)

    def _question(
        self, submission: Submission, description: Description
    ) -> tuple[Mapping[str, Any], Mapping[str, Path]]:
        """What the child is told, and the files that it can read."""
        settings = self.intake.settings
        battery = self.intake.battery(description.dataset)
        files = {FILE: self.intake.quarantine.path(submission.id)}
        files |= settings.images(description.dataset)
        own_file = battery.lower().endswith(".toml")
        if own_file:
            files[BATTERY] = Path(battery).absolute()
        known, known_files = self._others(submission)
        order = Order(
            description=description.model_copy(update={"contact": ""}),
            file_name=submission.file_name,
            battery=None if own_file else battery,
            examples=settings.examples,
            seed=settings.seed,
            device=settings.device,
            known=known,
            known_files=known_files,
        )
        return order.model_dump(mode="json"), files

    def _others(self, submission: Submission) -> tuple[dict[str, str], dict[str, str]]:
        """The functions of accepted submissions by name, and their names by the hash of the file.

        Only those before this one, so that two of the same function do not refuse each other.
        """
        functions: dict[str, str] = {}
        names: dict[str, str] = {}
        for each in self.intake.submissions.listed(states=ACCEPTED, most=None):
            facts = (each.verdict or {}).get("facts", {})
            if each.created < submission.created and facts.get("function"):
                functions.setdefault(each.name, facts["function"])
                names.setdefault(str(each.sha256), each.name)
        return functions, names

    def _settle(
        self, lease: Lease, submission: Submission, description: Description, outcome: Outcome
    ) -> None:
        verdict = outcome.verdict
        if outcome.plan is None or not verdict.accepted or verdict.facts.format is None:
            reason = "; ".join(each.saw for each in verdict.refusals) or "the checks gave no plan"
            self.intake.submissions.refuse(
                submission.id,
                printable(reason[:1000]),
                lease=lease,
                verdict=verdict.model_dump(mode="json"),
                isolation=self.isolation,
            )
            return
        suffix, sha256 = SUFFIXES[verdict.facts.format], str(submission.sha256)
        waits = self.intake.settings.require_approval
        if waits:
            kept = self.intake.quarantine.kept(sha256, suffix)
        else:
            kept = self.intake.quarantine.keep(submission.id, sha256, suffix)
        self.intake.submissions.accept(
            submission.id,
            self._units(outcome.plan, description, kept, submission),
            outcome.plan.fingerprint,
            lease,
            verdict.model_dump(mode="json"),
            isolation=self.isolation,
            waits=waits,
        )

    def _units(
        self, plan: Plan, description: Description, kept: Path, submission: Submission
    ) -> list[NewJob]:
        """The jobs of an accepted model whose results are not stored yet."""
        settings = self.intake.settings
        file = settings.data.get(description.dataset)
        root = settings.data_root
        sources = Sources(
            None if file is None else file.absolute(),
            None if root is None else root.absolute(),
            settings.examples,
        )
        key = (plan.fingerprint, plan.battery_sha256, plan.data_sha256, settings.seed)
        known = {name for name, each in self.store.results(*key).items() if each.left_out is None}
        left = {name: each for name, each in plan.units.items() if name not in known}
        seconds = sum(each.seconds for each in left.values())
        return units_of(
            plan.model_copy(update={"units": left}),
            description,
            kept,
            sources.data(description.dataset),
            self.intake.battery(description.dataset),
            folder=settings.workspace,
            seed=settings.seed,
            device=settings.device,
            priority=priority_of(submission.created, seconds),
            private=settings.private and file is not None,
        )


def priority_of(created: float, seconds: float) -> int:
    """The priority of a submission's units: by when it would be ready if it were alone.

    Small submissions come first, but a large one is not passed by for ever: those that arrive later
    than it would be ready come after it.

    Args:
        created: when it was sent, in seconds since 1970.
        seconds: how long all of its units are expected to take.
    """
    return min(int(created + seconds) - _FIRST, -1)


def _failed(error: Exception) -> Verdict:
    """The verdict on a file that makes its checks fail."""
    if isinstance(error, UncheckableError):
        number, saw, fix = error.id, error.saw, error.fix
    else:
        number, saw = "checks-failed", "the checks gave no usable answer on this file"
        fix = "save the weights as safetensors and submit again"
    title = "The file cannot be checked"
    finding = Finding(
        id=number, severity="refused", title=title, saw=printable(saw), fix=fix, page=PAGE
    )
    return Verdict(findings=(finding,))
