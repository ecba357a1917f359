"""A finding: a claim from the literature, the measurements, and whether it holds here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmark.results import Score
from leaderboard.charts.style import Layers

Vote = Literal["for", "against", "open"]
Status = Literal[
    "holds", "holds in part", "not reproduced at this effort", "contradicted", "undecided"
]

MIN_COMPARISONS = 2
"""Fewer comparisons are no verdict."""

RULE = (
    "Each comparison below supports a claim, contradicts it, or leaves it open; each finding says "
    f"when. A claim *holds* here if at least {MIN_COMPARISONS} comparisons support it, none "
    "contradicts it and at most as many are open; it is *contradicted* if at least "
    f"{MIN_COMPARISONS} contradict it, none supports it and at most as many are open; it *holds in "
    "part* if some support it and some contradict it. It is *not reproduced at this effort* if "
    f"all of at least {MIN_COMPARISONS} are open: what was not found here may still exist. "
    "Otherwise it is *undecided* with these checkpoints. Differences and correlations are "
    "significant if their 95% interval excludes zero, without a correction for their number. "
    "Intervals are over test examples or draws, not over repeated training runs: they are "
    "statements about these checkpoints."
)


@dataclass(frozen=True)
class Source:
    """Where a claim comes from: the paper in words and its address."""

    text: str
    url: str


@dataclass(frozen=True)
class Table:
    """Headings and rows of text; the first column names the row."""

    head: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Figure:
    """A chart with its caption and text alternative, not drawn yet."""

    title: str
    chart: Layers
    description: str


@dataclass(frozen=True)
class Part:
    """The evidence of one data set on a claim.

    Attributes:
        dataset: name of the data set.
        votes: one per comparison.
        text: paragraphs.
        tables: the measurements.
        figures: the measurements, drawn.
        missing: what could not be compared, and what would have to be run.
    """

    dataset: str
    votes: Sequence[Vote] = ()
    text: Sequence[str] = ()
    tables: Sequence[Table] = ()
    figures: Sequence[Figure] = ()
    missing: Sequence[str] = ()


@dataclass(frozen=True)
class Finding:
    """A claim and the evidence of every data set on it.

    Attributes:
        key: short name, for files and anchors.
        title: heading.
        claim: what the sources claim.
        sources: who claims it.
        rule: when a comparison supports the claim, contradicts it, or leaves it open.
        parts: one per data set with results.
        caveats: limits of the evidence.
    """

    key: str
    title: str
    claim: str
    sources: Sequence[Source]
    rule: str
    parts: Sequence[Part]
    caveats: Sequence[str] = field(default=())

    @property
    def status(self) -> Status:
        """Whether the claim holds here, by :data:`RULE`."""
        return judge([vote for part in self.parts for vote in part.votes])

    @property
    def verdict(self) -> str:
        """The status in a sentence with its counts, over all and by data set."""
        votes = [vote for part in self.parts for vote in part.votes]
        if not votes:
            return "Undecided: nothing in the database can be compared yet."
        sentence = f"{_sentence(self.status)}: {_counted(votes)}."
        if sum(bool(part.votes) for part in self.parts) > 1:
            each = (
                f"{part.dataset} {judge(part.votes)} ({_counted(part.votes)})"
                for part in self.parts
                if part.votes
            )
            sentence += f" By data set: {'; '.join(each)}."
        return sentence


def sign_of(score: Score, of: float = 0) -> int:
    """1 or -1 if the 95% interval of a score lies above or below a number, otherwise 0."""
    return int(score.low > of) - int(score.high < of)


def vote_of(sign: int) -> Vote:
    """The vote of a comparison with a significant effect of a sign, or with none."""
    return "for" if sign > 0 else "against" if sign < 0 else "open"


def judge(votes: Sequence[Vote]) -> Status:
    """Whether a claim holds, by :data:`RULE`."""
    count = Counter(votes)
    if len(votes) < MIN_COMPARISONS:
        return "undecided"
    if count["for"] and count["against"]:
        return "holds in part"
    if count["for"] >= max(count["open"], MIN_COMPARISONS):
        return "holds"
    if count["against"] >= max(count["open"], MIN_COMPARISONS):
        return "contradicted"
    if count["open"] == len(votes):
        return "not reproduced at this effort"
    return "undecided"


def _sentence(status: Status) -> str:
    """The status as the beginning of a sentence."""
    here = "" if status == "not reproduced at this effort" else " here"
    return f"{status.capitalize()}{here}"


def _counted(votes: Sequence[Vote]) -> str:
    count = Counter(votes)
    return (
        f"{len(votes)} comparison{'s' if len(votes) > 1 else ''}, {count['for']} for it, "
        f"{count['against']} against it, {count['open']} open"
    )
