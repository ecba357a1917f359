"""What each adversary of the headline costs the models of a database.

Run ``python -m perf.headline_members --database results.db`` from the root of a checkout, after
``nonsingular bench`` has scored the zoo. It writes its section of ``docs/batteries.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from benchmark.headline import headline_probes
from leaderboard.board.members import Member, costliest, members_of
from leaderboard.store import Store, Summary
from leaderboard.store.summaries import NONSINGULAR
from models_zoo.errors import InputError
from perf.command import ROOT, console, run_command
from perf.page import line, write_section

TOOL = "headline_members"


def run(
    database: Annotated[Path, typer.Option(help="Database with the scores of the zoo.")],
    page: Annotated[Path, typer.Option(help="Page with the section.")] = (
        ROOT / "docs/batteries.md"
    ),
) -> None:
    """Write what each adversary of the headline costs each model."""
    summaries = Store.open(database, to_read=True).summaries([], headline_probes())
    scored = [(s, members_of(s)) for s in summaries if not s.on_training_data]
    scored = [(summary, members) for summary, members in scored if members]
    if not scored:
        raise InputError(f"{database} has no model with all of {', '.join(headline_probes())}")
    write_section(page, TOOL, "\n".join(_tables(scored)) + "\n")
    console.print(f"{len(scored)} models, written to {page}")


def _tables(scored: Iterable[tuple[Summary, list[Member]]]) -> Iterator[str]:
    """A table for each battery, the models in the order of their headline."""

    def board(pair: tuple[Summary, list[Member]]) -> tuple[str, str]:
        return pair[0].battery, pair[0].data_sha256

    for (battery, _), group in groupby(sorted(scored, key=board), board):
        rows = sorted(
            group, key=lambda pair: (-pair[0].scores[NONSINGULAR].value, pair[0].card.name)
        )
        labels = [member.label for member in rows[0][1]]
        examples = rows[0][0].examples
        yield f"**`{battery}`**, {examples:,} examples, {len(rows)} models."
        yield ""
        yield line(
            ["model", "non-singular", *labels, *(f"{each} alone" for each in labels), "most"]
        )
        yield "|---" * (3 + 2 * len(labels)) + "|"
        for summary, members in rows:
            most = costliest(members)
            yield line(
                [
                    summary.card.name,
                    f"{100 * summary.scores[NONSINGULAR].value:.1f}%",
                    *(_share(member.lost, examples) for member in members),
                    *(_share(member.lost_alone, examples) for member in members),
                    most.label if most else "none",
                ]
            )
        totals = [[members[place] for _, members in rows] for place in range(len(labels))]
        of = examples * len(rows)
        yield line(
            [
                "mean",
                f"{100 * sum(s.scores[NONSINGULAR].value for s, _ in rows) / len(rows):.1f}%",
                *(_share(sum(member.lost for member in column), of) for column in totals),
                *(_share(sum(member.lost_alone for member in column), of) for column in totals),
                "",
            ]
        )
        yield ""


def _share(count: int, examples: int) -> str:
    return f"{100 * count / examples:.1f}"


if __name__ == "__main__":
    run_command(run)
