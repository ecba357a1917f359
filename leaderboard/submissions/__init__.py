"""Submissions: a stranger's checkpoint, checked before anything else happens to it."""

from leaderboard.submissions.admission import admit
from leaderboard.submissions.workspace import keep, read_submission

__all__ = ["admit", "keep", "read_submission"]
