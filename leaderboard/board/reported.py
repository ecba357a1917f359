"""Rows beside a board that are reported elsewhere: never ranked, told apart from measured ones."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmark.batteries import list_batteries
from benchmark.headline import headline_probes
from benchmark.probes import PROBES
from benchmark.statistics import proportion
from benchmark.threats import AnyThreat, InputThreat
from leaderboard.board.cell_texts import score_title
from leaderboard.formatting.texts import ABSENT, interval, number, probe_text
from leaderboard.reported import ReportedRow
from leaderboard.store import Summary
from leaderboard.store.encoding import unpack

NEAR = 0.02
"""Largest relative difference of the budgets of a row and of a board. RobustBench's own table at
linf 8/255 has six models attacked at 0.031, which is 1.2% less; their row says so."""

_EXTRA = {True: "yes", False: "no", None: ABSENT}


@dataclass(frozen=True)
class MeasuredBeside:
    """What this suite measured of a model that is also reported elsewhere.

    Attributes:
        text: its robust accuracy as shown.
        title: the same with its interval and the number of images.
        difference: measured minus reported, in percentage points.
        page: path of the model's page.
    """

    text: str
    title: str
    difference: str
    page: str


@dataclass(frozen=True)
class ReportedLine:
    """A row as a board shows it.

    Attributes:
        row: what is reported.
        budget: its budget, if that is not exactly the board's; else empty.
        extra_data: whether further training data was used, as text.
        measured: what was measured; ``None`` if nothing was.
        command: the command that measures it; empty if this package cannot load the model.
    """

    row: ReportedRow
    budget: str
    extra_data: str
    measured: MeasuredBeside | None
    command: str


@dataclass(frozen=True)
class ReportedTable:
    """The rows of a source that are under a board's threat.

    Attributes:
        source, date, licence: of the rows.
        threat: the board's, such as ``linf 8/255``.
        attack: title of the probe whose figures are beside the reported ones.
        lines: the rows, first those of measured models, and the most robust first.
    """

    source: str
    date: str
    licence: str
    threat: str
    attack: str
    lines: list[ReportedLine]

    @property
    def title(self) -> str:
        """Such as ``Reported elsewhere: 98 models (RobustBench, 2025-03-31)``."""
        count = len(self.lines)
        models = f"{count:,} model{'s' if count != 1 else ''}"
        return f"Reported elsewhere: {models} ({self.source}, {self.date})"

    @property
    def measured(self) -> int:
        """Number of rows whose model is measured on the board."""
        return sum(line.measured is not None for line in self.lines)


def reported_tables(
    reported: Sequence[ReportedRow],
    dataset: object,
    threats: Mapping[str, Sequence[AnyThreat]],
    summaries: Sequence[Summary],
    pages: Mapping[str, str],
) -> list[ReportedTable]:
    """The rows that are about a board's threat, a table for each source.

    Args:
        reported: all rows.
        dataset: of the board's battery.
        threats: the battery's headline threats, by probe, the main one first.
        summaries: the board's results.
        pages: path of a model's page, by fingerprint.
    """
    found = headline_inputs(threats)
    if found is None:
        return []
    probe, threat = found
    rows = [row for row in reported if row.dataset == dataset and _is_about(row, threat)]

    def source(row: ReportedRow) -> tuple[str, str, str]:
        return row.source, row.date, row.licence

    measured = {
        summary.card.name.partition("?")[0]: summary
        for summary in reversed(summaries)
        if _outcome(summary, probe, threat)
    }
    battery = summaries[0].battery
    return [
        ReportedTable(
            *key,
            threat=threat.label,
            attack=probe_text(probe).title,
            lines=sorted(
                (
                    ReportedLine(
                        row=row,
                        budget="" if _same(row.radius, threat.eps) else row.eps,
                        extra_data=_EXTRA[row.extra_data],
                        measured=_beside(row, measured.get(row.load), probe, threat, pages),
                        command=_command(row, battery),
                    )
                    for row in group
                ),
                key=lambda line: (line.measured is None, -line.row.robust, line.row.model_id),
            ),
        )
        for key, group in groupby(sorted(rows, key=source), key=source)
    ]


def headline_inputs(
    threats: Mapping[str, Sequence[AnyThreat]],
) -> tuple[str, InputThreat] | None:
    """The probe of the headline that perturbs images alone, and its main threat.

    Args:
        threats: a battery's headline threats, by probe, the main one first.
    """
    for probe in headline_probes():
        own = threats.get(probe, ())
        if PROBES[probe].perturbs == {"images"} and own and isinstance(own[0], InputThreat):
            return probe, own[0]
    return None


def _is_about(row: ReportedRow, threat: InputThreat) -> bool:
    return row.norm == threat.norm and math.isclose(row.radius, threat.eps, rel_tol=NEAR)


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-6)


def _outcome(summary: Summary, probe: str, threat: InputThreat) -> bytes | None:
    """A model's packed outcomes under a threat."""
    for name, kind in summary.kinds.get(probe, {}).items():
        if kind.threat is not None and kind.threat.key == threat.key:
            return summary.outcomes.get(f"{probe}.{name}")
    return None


def _beside(
    row: ReportedRow,
    summary: Summary | None,
    probe: str,
    threat: InputThreat,
    pages: Mapping[str, str],
) -> MeasuredBeside | None:
    bits = _outcome(summary, probe, threat) if summary and row.load else None
    if summary is None or bits is None:
        return None
    score = proportion(unpack(bits, summary.examples))
    points = round(100 * score.value - float(row.autoattack or row.best_known), 1)
    sign = "\N{MINUS SIGN}" if points < 0 else "+" if points else ""
    text = number(score.value, "share")
    return MeasuredBeside(
        text=text,
        title=score_title(text, interval(score, "share") or "", score.n, near=False),
        difference=f"{sign}{abs(points):.1f}",
        page=pages[summary.fingerprint],
    )


def _command(row: ReportedRow, battery: str) -> str:
    if not row.load:
        return ""
    named = battery if battery in list_batteries() else "FILE.toml"
    return shlex.join(["nonsingular", "bench", row.load, "--battery", named])
