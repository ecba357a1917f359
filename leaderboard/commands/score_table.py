"""Table of the scores of a run on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from benchmark.batteries import Battery
from benchmark.headline import SCORES
from benchmark.probes import PROBES
from benchmark.report import Report
from benchmark.results import ScoreSpec
from leaderboard.formatting.texts import number
from leaderboard.terminal.output import console, print_full_width
from models_zoo.display import label, printable


def print_scores(
    names: Sequence[str], reports: Sequence[Report], battery: Battery | None = None
) -> None:
    """Print one row per model with all measured headline scores, and the raised flags.

    Args:
        names: the models' names.
        reports: their reports, in the same order.
        battery: the battery of all reports; without it scores are described in general.
    """
    columns = [
        (f"{probe}.{name}", spec)
        for probe, scores in _documented(battery).items()
        for name, spec in scores.items()
        if spec.headline and any(f"{probe}.{name}" in report.scores for report in reports)
    ]
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("model", no_wrap=True)
    for _, spec in columns:
        table.add_column(spec.label.replace(" ", "\n"), justify="right", vertical="bottom")
    for name, report in zip(names, reports, strict=True):
        table.add_row(
            Text(label(name)),
            *(
                number(report.scores[key], spec.unit) if key in report.scores else "-"
                for key, spec in columns
            ),
        )
    print_full_width(table)
    _print_flags(names, reports)
    _print_left_out(names, reports)


def _print_flags(names: Sequence[str], reports: Sequence[Report]) -> None:
    """Print below the table why some numbers may mislead, one line per raised flag."""
    output = console(soft_wrap=True)
    for name, report in zip(names, reports, strict=True):
        flags = [flag for result in report.results.values() for flag in result.flags]
        for flag in (flag for flag in flags if flag.raised):
            line = Text.assemble((f"{label(name)}: {flag.title}", "bold yellow"), ". ", flag.saw)
            output.print(line.append(f" {flag.advice}", style="dim"))


def _print_left_out(names: Sequence[str], reports: Sequence[Report]) -> None:
    """Print below the table which probes were left out, one line each."""
    output = console(soft_wrap=True)
    for name, report in zip(names, reports, strict=True):
        for probe, reason in report.left_out.items():
            line = f"{label(name)}: {PROBES[probe].title} is left out: {printable(reason)}"
            output.print(line)


def _documented(battery: Battery | None) -> dict[str, dict[str, ScoreSpec]]:
    content = {} if battery is None else battery.model_dump()["probes"]
    documented = {name: probe.scores_with(content.get(name, {})) for name, probe in PROBES.items()}
    return documented | {"nonsingular": SCORES}
