"""The table of a run on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.headline import SCORES
from benchmark.probes import PROBES
from benchmark.report import Report
from benchmark.results import ScoreSpec
from leaderboard.texts import number
from models_zoo.display import label, printable


def print_summary(names: Sequence[str], reports: Sequence[Report]) -> None:
    """Print one row a model with every headline score that was measured, and the raised flags.

    Args:
        names: the models' names.
        reports: their reports, in the same order.
    """
    columns = [
        (f"{probe}.{name}", spec)
        for probe, scores in _documented().items()
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
    print_whole(table)
    _print_flags(names, reports)
    _print_left_out(names, reports)


def _print_flags(names: Sequence[str], reports: Sequence[Report]) -> None:
    """Print below the table why some numbers may mislead, a line a raised flag."""
    console = Console(soft_wrap=True, highlight=False)
    for name, report in zip(names, reports, strict=True):
        flags = [flag for result in report.results.values() for flag in result.flags]
        for flag in (flag for flag in flags if flag.raised):
            line = Text.assemble((f"{label(name)}: {flag.title}", "bold yellow"), ". ", flag.saw)
            console.print(line.append(f" {flag.advice}", style="dim"))


def _print_left_out(names: Sequence[str], reports: Sequence[Report]) -> None:
    """Print below the table which probes could not be asked, a line each."""
    console = Console(soft_wrap=True, highlight=False)
    for name, report in zip(names, reports, strict=True):
        for probe, reason in report.left_out.items():
            line = Text(f"{label(name)}: {PROBES[probe].title} is left out: {printable(reason)}")
            console.print(line)


def print_whole(table: Table) -> None:
    """Print a table without cutting its columns, however narrow the window.

    Written to a file or a narrow window, a table whose columns are cut is worth nothing.
    """
    console = Console()
    console.width = max(console.width, Console(width=1000).measure(table).maximum)
    console.print(table)


def _documented() -> dict[str, dict[str, ScoreSpec]]:
    return {name: probe.scores for name, probe in PROBES.items()} | {"nonsingular": SCORES}
