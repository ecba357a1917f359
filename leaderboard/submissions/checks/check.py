"""The base class of the checks of a submission."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from leaderboard.submissions.finding import PAGE, Finding, Severity
from models_zoo.display import cut, printable
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from leaderboard.submissions.case import Case

LONGEST = 2000
"""Maximum number of characters of what a finding says."""


class Check(ABC):
    """One thing that is checked before a submission is scored.

    The class attributes describe it; ``docs/submitting.md`` has a section for each, written from
    them. A check has no state.

    Attributes:
        id: its stable name, such as ``"file-type"``, which is also the anchor of its section.
        title: what it is about, a few words.
        severity: what follows from what it finds.
        meaning: what is checked, how, and why it matters; a few sentences of Markdown.
        fix: what to do about it; one line.
        final: whether nothing after it can be checked if it refuses a submission.
        needs_labels: whether it needs labeled images of the data set.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    severity: ClassVar[Severity] = "refused"
    meaning: ClassVar[str]
    fix: ClassVar[str]
    final: ClassVar[bool] = False
    needs_labels: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """What is found, at most a few findings.

        Args:
            case: the submission; the checks before this one have passed, or are not final.
        """
        ...

    @classmethod
    def raised_by(cls, read: Callable[[], object]) -> Iterator[Finding]:
        """A finding with what is raised where something of a submission cannot be used.

        Args:
            read: gets it.
        """
        try:
            read()
        except InputError as error:
            yield cls.finding(error)

    @classmethod
    def finding(cls, saw: object, fix: str = "", severity: Severity | None = None) -> Finding:
        """A finding of this check.

        Args:
            saw: what was found.
            fix: what to do, if more is known than :attr:`fix`.
            severity: if it differs from :attr:`severity`.
        """
        return Finding(
            id=cls.id,
            severity=severity or cls.severity,
            title=cls.title,
            saw=cut(printable(str(saw)), LONGEST),
            fix=cut(printable(fix or cls.fix), LONGEST),
            page=f"{PAGE}#{cls.id}",
        )
