"""Taking a submission in, the same for the API and for the page with a form.

Who may send it was found out before; here it has to be for something that is scored, and small
enough, before its file is received.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from leaderboard.service.problems import Problem, invalid, too_large, too_many
from leaderboard.service.quarantine import Quarantine
from leaderboard.service.settings import DAY, Settings, usual_battery
from leaderboard.service.upload import Receiver
from leaderboard.store import Store
from leaderboard.store.submission import ACCEPTED, State, Submission
from leaderboard.store.submissions import NewSubmission, Submissions
from leaderboard.store.tokens import Token
from leaderboard.submissions.description import Description
from leaderboard.submissions.names import require_unlike
from models_zoo import list_models
from models_zoo.errors import printable, shown

_LONGEST_NAME = 200


@dataclass
class Intake:
    """Takes submissions in.

    Attributes:
        settings: of the service.
        store: where they and the scores are kept.
        quarantine: where their files are.
        closed: why no files are accepted; ``None`` if they are.
    """

    settings: Settings
    store: Store
    quarantine: Quarantine
    closed: str | None = None

    def __post_init__(self) -> None:
        self.submissions = Submissions(self.store.engine)
        self._receiver = Receiver(self.quarantine, self.settings.bounds)

    def describe(self, given: object) -> Description:
        """What a submitter says, checked.

        Raises:
            Problem: it is not a description, or of a model that is not scored here.
        """
        try:
            description = Description.model_validate(given)
        except ValidationError as error:
            raise invalid(error) from None
        if description.dataset not in self.settings.datasets:
            raise Problem(
                *(422, "invalid", f"dataset: {shown(description.dataset)} is not scored here"),
                f"this service has {', '.join(self.settings.datasets)}",
            )
        if description.battery not in (None, self.battery(description.dataset)):
            raise Problem(
                *(422, "invalid", f"battery: {shown(description.battery)} is not used here"),
                f"leave it out; {Path(self.battery(description.dataset)).name} scores "
                f"{description.dataset}",  # the folder of a battery's file is the operator's
            )
        return description

    def _require_name(self, name: str, token: Token) -> None:
        """Check that a name is not that of another's model, and does not look like one.

        Raises:
            Problem: it is.
            InputError: it does.
        """
        taken = self._taken_names(token.id, (*ACCEPTED, "checking"))
        if name in taken:
            raise Problem(
                *(422, "name-taken", f"name: {shown(name)} is another model's"), "choose another"
            )
        require_unlike(name, taken)

    def is_taken(self, submission: Submission) -> bool:
        """Whether another submitter's model with the same name was accepted meanwhile."""
        return submission.name in self._taken_names(submission.token, ACCEPTED)

    def _taken_names(self, token: str | None, states: Sequence[State]) -> set[str]:
        """The names that a submitter may not use.

        Args:
            token: of the submitter.
            states: of the submissions of others whose names count.
        """
        found = self.submissions.listed(states=states, most=None)
        others = {each.name for each in found if each.token != token}
        own = {each.name for each in found if each.token == token} - others
        return {*list_models(), *others, *(set(self.store.names().values()) - own)}

    def battery(self, dataset: str) -> str:
        """Name or file of the battery that scores a data set."""
        return self.settings.batteries.get(dataset) or usual_battery(dataset)

    def require_room(self, size: int) -> None:
        """Refuse a form early whose file is too large, or for which there is no room.

        Args:
            size: of the form, a little more than that of its file.

        Raises:
            Problem: it is or there is not.
        """
        self._receiver.require_room(max(0, size - self.settings.bounds.body))

    def create(
        self,
        token: Token,
        description: Description,
        file_name: str,
        size: int | None = None,
        sha256: str | None = None,
    ) -> str:
        """Begin a submission; returns its identifier.

        Args:
            token: of the submitter.
            description: from :meth:`describe`.
            file_name: as the submitter calls the file.
            size: of the file, if it is known.
            sha256: of the file, if it is known.

        Raises:
            Problem: no files are accepted, this one is too large, too much was sent today, or the
                name is another model's.
        """
        if self.closed is not None:
            raise Problem(503, "closed", self.closed, "ask the operator")
        self._require_name(description.name, token)
        self._receiver.require_room(size or 0)
        sent = self.submissions.bytes_since(token.id, DAY)
        if sent + (size or 0) > self.settings.bounds.bytes_per_day:
            raise too_many(
                f"more than {self.settings.bounds.bytes_per_day:,} bytes in 24 hours", 3600
            )
        return self.submissions.create(
            NewSubmission(
                description=description.model_dump(mode="json", exclude_defaults=True),
                file_name=printable(file_name[:_LONGEST_NAME]),
                token=token.id,
                expected_bytes=size,
                expected_sha256=sha256,
            )
        )

    def clean(self) -> None:
        """Give up uploads that do not go on, and remove files that no submission needs."""
        self.submissions.give_up_uploads(self.settings.bounds.unfinished)
        there = self.quarantine.numbers()  # first: what arrives meanwhile is not among them
        needed = {each.id for each in map(self.submissions.get, there) if each and _needs(each)}
        for number in there:
            if number not in needed:
                self.quarantine.remove(number)

    def require_length(self, submission: Submission, end: int) -> None:
        """Refuse a request early whose body would go beyond the end of the file.

        Args:
            submission: the submission.
            end: where in the file the body ends, by its announced length.

        Raises:
            Problem: it does.
        """
        most = self.settings.bounds.upload
        if submission.expected_bytes is not None:
            most = min(most, submission.expected_bytes)
        if end > most:
            raise too_large(most, "the file")

    async def receive(
        self, submission: Submission, stream: AsyncIterator[bytes], offset: int
    ) -> bool:
        """Receive the file of a submission, or some more of it, and have it checked when it is all.

        Args:
            submission: one that waits for its file.
            stream: the bytes.
            offset: where in the file they begin.

        Returns:
            Whether the file is complete.

        Raises:
            Problem: it cannot be received.
        """
        number, announced = submission.id, submission.expected_bytes
        most = self.settings.bounds.upload if announced is None else announced
        with self._receiver.slot(number, submission.token or ""):
            if submission.state != "uploading":
                raise Problem(
                    *(409, "wrong-state", f"the submission is {submission.state}"),
                    "make a new submission for another file",
                )
            arrived = await run_in_threadpool(self.quarantine.size, number)
            if offset > arrived:
                raise Problem(
                    *(409, "wrong-offset", f"{arrived:,} bytes have arrived, not {offset:,}"),
                    "go on from the offset that HEAD of this address tells",
                    {"Upload-Offset": str(arrived)},
                )
            try:
                size, sha256 = await self._receiver.receive(number, stream, offset, most)
            finally:
                arrived = await run_in_threadpool(self.quarantine.size, number)
                await run_in_threadpool(self.submissions.received, number, arrived)
            if announced is not None and size < announced:
                return False
            if submission.expected_sha256 not in (None, sha256):
                await run_in_threadpool(self.quarantine.open(number, 0).close)
                raise Problem(
                    *(422, "wrong-hash", f"what arrived has the SHA-256 {sha256}"),
                    "the file was changed meanwhile or on its way; send it again from offset 0",
                )
            await run_in_threadpool(self.submissions.complete, number, size, sha256)
            return True


def _needs(submission: Submission) -> bool:
    """Whether a submission still needs its file in the quarantine."""
    unchecked = submission.state == "failed" and submission.verdict is None
    return unchecked or submission.state in ("uploading", "checking", "waiting")
