"""A report as the HTML that notebooks show."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.results import Score, ScoreSpec
from leaderboard.formatting.texts import SHOWN_UNITS, interval, number, plain, probe_text
from leaderboard.store import Entry
from models_zoo.display import label, printable
from nonsingular.documented import documented_scores
from nonsingular.html import html


@dataclass(frozen=True)
class ScoreRow:
    """A score as text."""

    key: str
    value: str
    interval: str
    n: str
    meaning: str


def report_html(entry: Entry) -> str:
    """The headline scores, raised flags and probes left out; other scores and provenance folded.

    Args:
        entry: the results; their texts may be from anyone, and all are escaped.
    """
    documented = documented_scores(entry)
    rows = {key: _row(key, score, spec) for key, (score, spec) in documented.items()}
    headlines = [key for key, (_, spec) in documented.items() if spec.headline]
    where, results = entry.provenance, entry.results
    return html(
        "report.html.j2",
        name=label(entry.card.name),
        where=where,
        examples=f"{where.examples:,}",
        headlines=[rows[key] for key in headlines],
        others=[row for key, row in rows.items() if key not in headlines],
        flags=[flag for result in results.values() for flag in result.flags if flag.raised],
        left_out=[
            (probe_text(name).title, printable(result.left_out))
            for name, result in results.items()
            if result.left_out is not None
        ],
        provenance=[(k, plain(v)) for k, v in where.model_dump(mode="json").items()],
    )


def _row(key: str, score: Score, spec: ScoreSpec) -> ScoreRow:
    unit = f" {spec.unit}" if spec.unit in SHOWN_UNITS else ""
    value = f"{number(score.value, spec.unit)}{unit}"
    return ScoreRow(key, value, interval(score, spec.unit) or "", f"{score.n:,}", spec.description)
