"""The columns of a board: every headline score of at least one of its models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmark.headline import NAME
from benchmark.probes import PROBES
from benchmark.probes.clean import CleanProbe
from benchmark.results import ScoreSpec
from leaderboard.formatting.texts import probe_text, probe_texts
from leaderboard.store import Summary


def headline_scores(batteries: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Probe and name of every headline score of at least one battery, in the order of the probes.

    A battery's settings decide which of a probe's scores are in the headline: without an input
    budget it is the flatness of the clean loss, and not of the adversarial one.

    Args:
        batteries: content of each.
    """
    contents = list(batteries)
    return [
        (probe, name)
        for probe, text in probe_texts().items()
        for name in text.scores
        if any(probe_text(probe, content).spec(name).headline for content in contents)
    ]


FEW = 4
"""Number of columns up to which a board without ranks shows all of them."""


@dataclass(frozen=True)
class Column:
    """A headline score: its probe, its name and its meaning.

    Attributes:
        probe: name of the probe.
        name: of the score.
        spec: what it means.
        alone: whether its board has no usual columns, or no ranks and few columns, so that the
            front page shows all, as of a battery for models that draw random numbers.
    """

    probe: str
    name: str
    spec: ScoreSpec
    alone: bool = False

    @property
    def key(self) -> str:
        """``<probe>.<score>``."""
        return f"{self.probe}.{self.name}"

    @property
    def is_usual(self) -> bool:
        """Whether the front page shows it before a reader chooses columns.

        These are the score that ranks the models and the scores of a model's profile, or all if
        the board has neither.
        """
        if self.probe == NAME or self.alone:
            return True
        profile = PROBES[self.probe].profile if self.probe in PROBES else None
        return profile is not None and profile.score == self.name


def columns_of(summaries: Sequence[Summary], battery: Mapping[str, Any]) -> list[Column]:
    """The headline scores that at least one of the models has, in the order of the probes.

    The first is the one that orders the rows: non-singular robust accuracy, or on a board without
    it the score of what its battery is about, and not clean accuracy, which is there beside it.

    Args:
        summaries: of the models.
        battery: content of the battery that they were scored with.
    """
    columns = [
        Column(probe, name, probe_text(probe, battery).spec(name))
        for probe, name in headline_scores([battery])
    ]
    present = {key for summary in summaries for key in summary.scores}
    found = [column for column in columns if column.key in present]
    if any(column.probe == NAME for column in found):
        return found
    found = _led(found)
    if len(found) > FEW and any(column.is_usual for column in found):
        return found
    return [replace(column, alone=True) for column in found]


def _led(columns: list[Column]) -> list[Column]:
    """The same columns, first the score of the first probe after ``clean`` that is in profiles.

    Of a probe that is not in profiles it is the first score.
    """
    about = [column for column in columns if column.probe != CleanProbe.name]
    own = [column for column in about if column.probe == about[0].probe]
    first = next((column for column in own if column.is_usual), None) or next(iter(own), None)
    return sorted(columns, key=lambda column: column is not first)
