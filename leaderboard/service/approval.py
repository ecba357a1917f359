"""Approving a submission: its file is kept, and its units are added."""

from __future__ import annotations

from leaderboard.jobs.check import SUFFIXES
from leaderboard.service.quarantine import Quarantine
from leaderboard.store.submission import Submission
from leaderboard.store.submissions import Submissions, WrongStateError


def suffix_of(submission: Submission) -> str:
    """The suffix that the file of a checked submission is kept with."""
    facts = (submission.verdict or {}).get("facts", {})
    return SUFFIXES[facts["format"]]


def approve(
    submissions: Submissions, quarantine: Quarantine, submission: Submission, token: str | None
) -> None:
    """Let a submission be scored that waits for approval.

    Args:
        submissions: where it is kept.
        quarantine: where its file is.
        submission: the submission.
        token: of the maintainer; ``None`` for one who uses the database.

    Raises:
        WrongStateError: it does not wait.
    """
    if submission.state != "waiting":
        raise WrongStateError(
            f"submission {submission.id} is {submission.state}, so it cannot be approved"
        )
    # The file first: a worker may take the units at once.
    quarantine.keep(submission.id, str(submission.sha256), suffix_of(submission))
    submissions.approve(submission.id, token)
    quarantine.remove(submission.id)
