"""Table of what the probes of a run took on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from benchmark.report import Report
from leaderboard.terminal.output import print_full_width
from models_zoo.display import label


def print_costs(names: Sequence[str], reports: Sequence[Report]) -> None:
    """Print the seconds of every probe: one line per probe for one model, else one per model.

    A stored result counts with the time that it took when it was computed.

    Args:
        names: the models' names.
        reports: their reports, in the same order.
    """
    seconds = [
        {
            probe: result.cost.seconds
            for probe, result in report.results.items()
            if result.left_out is None
        }
        for report in reports
    ]
    probes = list(dict.fromkeys(probe for each in seconds for probe in each))
    if not probes:
        return
    table = Table(box=None, padding=(0, 1), header_style="bold")
    if len(names) == 1:
        table.add_column("probe")
        for column in ("seconds", "share"):
            table.add_column(column, justify="right")
        total = sum(seconds[0].values())
        for probe, spent in [*seconds[0].items(), ("total", total)]:
            table.add_row(probe, f"{spent:.1f}", f"{spent / total if total else 0:.0%}")
    else:
        table.add_column("seconds", no_wrap=True)
        for column in ("total", *probes):
            table.add_column(column, justify="right")
        for name, each in zip(names, seconds, strict=True):
            cells = (f"{each[probe]:.1f}" if probe in each else "-" for probe in probes)
            table.add_row(Text(label(name)), f"{sum(each.values()):.1f}", *cells)
    print_full_width(table)
