"""``nonsingular export``: a model's stored results in other formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.commands.options import DATABASE, Database, stored_battery
from leaderboard.output_paths import require_file_place
from leaderboard.terminal.output import note, say, write_binary
from models_zoo.display import shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from benchmark.results import Provenance
    from leaderboard.board import Board
    from leaderboard.store import Entry, Summary

DATA_LICENCE = "CC-BY-4.0"
"""Licence of the published results, see ``LICENSE-DATA``."""


class Format(StrEnum):
    """What can be written."""

    RECORD = "record"
    MODEL_INDEX = "model-index"
    EVAL_RESULTS = "eval-results"
    EVERY_EVAL_EVER = "every-eval-ever"
    BADGE = "badge"
    SHIELDS = "shields"
    LATEX = "latex"
    CSV = "csv"
    MARKDOWN = "markdown"


TABLES = {Format.LATEX, Format.CSV, Format.MARKDOWN}
"""Formats that show several models."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Stored model: its name, or the start of its fingerprint. For latex, csv and "
            "markdown any number of them, with wildcards * and ?, by default all."
        ),
    ] = None,
    format_: Annotated[
        Format,
        typer.Option(
            "--format",
            help="record: everything, as JSON. model-index: front matter of a Hugging Face model "
            "card. eval-results: a file for its .eval_results folder. every-eval-ever: JSON by "
            "that project's schema. badge: an SVG. shields: JSON for shields.io's endpoint badge. "
            "latex, csv, markdown: a table of models.",
        ),
    ] = Format.RECORD,
    out: Annotated[
        Path | None, typer.Option(help="File to write; by default the text is printed.")
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Write everything stored of the models, by default of all, to this file, "
            "such as results.jsonl.gz, for 'nonsingular import' into another database; in place of "
            "--format."
        ),
    ] = None,
    by: Annotated[
        str, typer.Option(help="Who made the --archive; shown where a result of it differs.")
    ] = "",
    current: Annotated[
        bool,
        typer.Option(
            "--current",
            help="In an --archive, of each battery of the suite only results of its current "
            "version.",
        ),
    ] = False,
    battery: Annotated[
        str | None,
        typer.Option(
            help="Only results of this battery, by name, hash or file; by default of all."
        ),
    ] = None,
    benchmark: Annotated[
        str | None,
        typer.Option(
            help="Data set on the Hugging Face Hub that is registered as the benchmark, as "
            "owner/name; needed by eval-results, used by no other format."
        ),
    ] = None,
    source_url: Annotated[
        str | None,
        typer.Option(
            help="Where the results are published, named as their source in model-index, "
            "eval-results and every-eval-ever."
        ),
    ] = None,
    organization: Annotated[
        str, typer.Option(help="Whose results these are, for every-eval-ever.")
    ] = "unknown",
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Score of a table, such as input.robust_accuracy (docs/scores.md); repeatable. By "
            "default the headline and its parts, or the columns that the site shows of a board "
            "without it; in csv every score of the board."
        ),
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option(
            "--examples",
            "--limit",
            min=1,
            help="Only results on this many images, where a table has several.",
        ),
    ] = None,
    intervals: Annotated[
        bool,
        typer.Option(
            "--intervals/--no-intervals", help="Show 95% intervals in latex and markdown."
        ),
    ] = True,
    data_licence: Annotated[
        str,
        typer.Option(
            help="Licence of the results, as an SPDX identifier, stated in latex, markdown and an "
            "archive; empty to state none."
        ),
    ] = DATA_LICENCE,
    database: Database = DATABASE,
) -> None:
    """Print stored results in a format that papers, other programs and sites read.

    A table has the chosen models and scores with intervals, ties, budgets and numbers of images;
    ranks are those among these models.
    """
    from leaderboard.exports.selection import model_entries, select_board
    from leaderboard.store import Store

    require_file_place(out, "--out")
    require_file_place(archive, "--archive")
    _require_web_address(source_url)
    if archive is not None:
        if out is not None or column or examples is not None:
            raise InputError("--archive goes with none of --out, --column and --examples")
        named = stored_battery(battery)
        _archive(archive, models or [], named, by, data_licence, database, current=current)
        return
    if by or current:
        raise InputError(f"{'--by' if by else '--current'} goes with --archive")
    benchmark = _required(format_, benchmark)
    named = stored_battery(battery)
    store = Store.open(database, to_read=True)
    if format_ in TABLES:
        board = select_board(
            store,
            models or [],
            battery=named,
            columns=column or [],
            examples=examples,
            every_column=format_ is Format.CSV,
        )
        _print(_table(format_, board, data_licence, intervals=intervals), out)
        return
    if not models or len(models) != 1:
        raise InputError(f"--format {format_.value} needs one model; tables take several")
    if column:
        raise InputError("--column goes with --format latex, csv or markdown")
    entries = model_entries(store, models[0], named)
    name, chosen = entries[0].card.name, {entry.key for entry in entries}
    others = [s for s in store.summaries(()) if s.card.name == name and s.key not in chosen]
    _print(_text(format_, entries, others, benchmark, source_url, organization), out)


def _archive(
    path: Path,
    models: list[str],
    battery: str | None,
    by: str,
    licence: str,
    database: str,
    *,
    current: bool,
) -> None:
    from benchmark.batteries import battery_histories
    from leaderboard.archives import write_archive
    from leaderboard.exports.selection import chosen_entries
    from leaderboard.store import Store
    from leaderboard.store.reruns import require_signature

    if by:
        require_signature(by)
    chosen = chosen_entries(Store.open(database, to_read=True), models, battery)
    if current:
        newest = {name: history[-1].sha256 for name, history in battery_histories().items()}
        chosen = [entry for entry in chosen if _is_current(entry.provenance, newest)]
    entries = [entry for entry in chosen if entry.provenance.seed >= 0]
    if len(entries) < len(chosen):
        note(f"left out until their seed is revealed: {len(chosen) - len(entries):,} evaluations")
    header = write_archive(path, entries, by=by, licence=licence)
    say(f"{header.results:,} results of {header.models:,} models, written to {shown(path)}")


def _print(text: str, out: Path | None) -> None:
    """Write a text to a file, or to stdout."""
    content = text.encode("utf-8", "replace")  # as the site does with half a surrogate pair
    if out is None:
        write_binary(content)
        return
    from models_zoo.checkpoint.writing import write_bytes

    write_bytes(out, content)


def _table(format_: Format, board: Board, licence: str, *, intervals: bool) -> str:
    if format_ is Format.CSV:
        from leaderboard.exports.table import board_csv

        return board_csv(board)
    from leaderboard.exports.latex_table import latex_table
    from leaderboard.exports.markdown_table import markdown_table
    from leaderboard.exports.paper_table import paper_table

    table = paper_table(board, intervals=intervals, licence=licence)
    return latex_table(table) if format_ is Format.LATEX else markdown_table(table)


def _text(
    format_: Format,
    entries: Sequence[Entry],
    namesakes: Sequence[Summary],
    benchmark: str,
    source_url: str | None,
    organization: str,
) -> str:
    from leaderboard.exports.badge import badge_of, badge_svg, entry_shown, shields_json

    match format_:
        case Format.RECORD:
            from leaderboard.exports.record import record_of, record_text

            return record_text(record_of(entries, namesakes))
        case Format.MODEL_INDEX:
            from leaderboard.exports.model_index import model_index

            return model_index(entries, source_url)
        case Format.EVAL_RESULTS:
            from leaderboard.exports.eval_results import eval_results

            return eval_results(entries, benchmark, source_url)
        case Format.EVERY_EVAL_EVER:
            from leaderboard.exports.every_eval_ever import every_eval_ever

            return every_eval_ever(entries, source_url, organization)
        case Format.BADGE:
            return badge_svg(badge_of(entry_shown(entries)))
        case Format.SHIELDS:
            return shields_json(badge_of(entry_shown(entries)))
    raise AssertionError(format_)  # tables have no text of one model


def _required(format_: Format, benchmark: str | None) -> str:
    """The benchmark's data set; the other formats need none."""
    if format_ is not Format.EVAL_RESULTS:
        return ""
    if benchmark is None:
        raise InputError(
            "--format eval-results needs --benchmark OWNER/NAME, the data set on the Hugging Face "
            "Hub that the results count for"
        )
    owner, _, name = benchmark.partition("/")
    if not owner or not name or "/" in name or any(char.isspace() for char in benchmark):
        raise InputError(f"--benchmark {shown(benchmark)} is not of the form OWNER/NAME")
    return benchmark


def _require_web_address(url: str | None) -> None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise InputError(f"--source-url {shown(url)} does not begin with https:// or http://")


def _is_current(where: Provenance, newest: Mapping[str, str]) -> bool:
    """Whether a result is of the newest version of its battery, if the suite has that battery."""
    return where.battery_sha256 == newest.get(where.battery, where.battery_sha256)
