"""Table of a rerun's agreement with the stored results on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from leaderboard.reruns.agreement import Reproduction, ScorePair
from leaderboard.terminal.output import console, print_full_width
from models_zoo.display import label, printable


def print_agreement(found: Sequence[Reproduction]) -> None:
    """Print a table of all scores, then one line per probe."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in ("score", "stored", "again", ""):
        table.add_column(heading, justify="left" if heading in ("score", "") else "right")
    for result in found:
        for score in result.scores:
            table.add_row(Text(label(score.name)), *_pair(score), "" if score.same else "differs")
    print_full_width(table)
    output = console(soft_wrap=True)
    for result in found:
        differing, total = result.examples
        verdict = "agrees to the last bit" if result.same else "does not agree"
        line = f"{result.probe}: {verdict}; {differing} of {total} outcomes differ"
        output.print(line)
        if result.circumstances and not result.same:
            output.print(f"  run with {printable(', '.join(result.circumstances))}")


def print_recorded(found: Sequence[Reproduction], model: str, by: str) -> None:
    """Print what was recorded in the database."""
    probes = ", ".join(result.probe for result in found)
    console(soft_wrap=True).print(f"recorded: {probes} of {label(model)}, run again by {by}")


def _pair(score: ScorePair) -> list[str]:
    return ["-" if each is None else repr(each.value) for each in (score.stored, score.again)]
