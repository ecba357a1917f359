"""Which stored models and scores a table or a figure shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from markupsafe import Markup

from benchmark.headline import NAME, headline_probes
from benchmark.results import ScoreSpec
from leaderboard.board import Board, headline_scores, make_boards
from leaderboard.board.columns import Column
from leaderboard.board.rows import make_rows
from leaderboard.charts.style import Layers
from leaderboard.charts.svg import NOT_DRAWN, Painter
from leaderboard.formatting.texts import probe_text, probe_texts
from leaderboard.reruns.find_results import HASH_DIGITS, begins
from leaderboard.store import Entry, Store, Summary
from models_zoo.display import shown
from models_zoo.errors import InputError, unknown_name


class _NoPainter(Painter):
    """Draws nothing: a table needs no charts."""

    def draw(self, chart: Layers | dict[str, Any], description: str) -> tuple[Markup, str]:
        """No drawing, and no file."""
        return NOT_DRAWN, ""


def select_board(
    store: Store,
    models: Sequence[str] = (),
    *,
    battery: str | None = None,
    columns: Sequence[str] = (),
    examples: int | None = None,
    every_column: bool = False,
    painter: Painter | None = None,
) -> Board:
    """A board of chosen models and columns; ranks and marks are those among these models.

    Args:
        store: where the results are.
        models: names with wildcards ``*`` and ``?``, or beginnings of fingerprints; by default all.
        battery: name or hash; needed if models are stored with several.
        columns: scores as ``<probe>.<score>``; by default the headline and its
            parts, or of a board without the headline what the front page shows.
        examples: number of images; needed if models are stored with several.
        every_column: whether all headline scores are shown if no column is chosen.
        painter: draws the board's chart; by default nothing is drawn.

    Raises:
        InputError: nothing matches, or what matches is not of one battery and data set.
    """
    chosen_scores = [_score_of(column) for column in columns]
    contents = store.batteries()
    summaries = store.summaries([*headline_scores(contents.values()), *chosen_scores])
    tested = [summary for summary in summaries if not summary.on_training_data]
    group = _of_one_board(_of_models(tested, models), battery, examples)
    pages = {summary.fingerprint: "" for summary in group}
    sha256 = group[0].battery_sha256
    (board,) = make_boards(group, contents, pages, {sha256: ""}, painter or _NoPainter())
    if columns:
        shown_columns = [
            Column(probe, name, probe_text(probe, contents[sha256]).spec(name))
            for probe, name in chosen_scores
        ]
    else:
        parts = (NAME, *headline_probes())
        shown_columns = [
            each
            for each in board.columns
            if every_column or (each.is_usual and (each.probe in parts or not board.has_headline))
        ]
    if not shown_columns:
        raise InputError("no score of the board is stored; choose others by --column")
    rows = make_rows(group, shown_columns, pages, board.ranking)
    return replace(board, columns=shown_columns, rows=rows)


def model_entries(store: Store, model: str, battery: str | None = None) -> list[Entry]:
    """All results of one stored model, at least one.

    Args:
        store: where the results are.
        model: its name, or the start of its fingerprint.
        battery: only those of this battery, by name or hash.

    Raises:
        InputError: there is no such model, or there are several.
    """
    summaries = store.summaries(())
    named = {each.fingerprint for each in summaries if each.card.name == model}
    named = named or {each.fingerprint for each in summaries if each.fingerprint.startswith(model)}
    if not named or not model:
        raise unknown_name("stored model", model, {each.card.name for each in summaries})
    if len(named) > 1:
        found = ", ".join(sorted(each[:12] for each in named))
        raise InputError(
            f"{len(named)} stored models match {shown(model)}; give the start of a "
            f"fingerprint "
            f"in place of the name: {found}"
        )
    entries = [
        entry
        for entry in store.entries(fingerprints=named)
        if _is_of(battery, entry.provenance.battery, entry.provenance.battery_sha256)
    ]
    if not entries:
        known = {each.battery for each in summaries if each.fingerprint in named}
        raise unknown_name(f"battery among the results of {model}", battery or "", known)
    return entries


def chosen_entries(
    store: Store, models: Sequence[str] = (), battery: str | None = None
) -> list[Entry]:
    """All results of chosen models, at least one, on training images as well.

    Args:
        store: where the results are.
        models: names with wildcards ``*`` and ``?``, or beginnings of fingerprints; by default all.
        battery: only those of this battery, by name or hash.

    Raises:
        InputError: nothing matches.
    """
    summaries = _of_models(store.summaries(()), models)
    kept = [each for each in summaries if _is_of(battery, each.battery, each.battery_sha256)]
    if not kept and summaries:
        raise unknown_name("stored battery", battery or "", {each.battery for each in summaries})
    if not kept:
        raise InputError("no results are stored; run nonsingular bench first")
    keys = {each.key for each in kept}
    entries = store.entries(fingerprints={each.fingerprint for each in kept})
    return [entry for entry in entries if entry.key in keys]


def _is_of(asked: str | None, name: str, sha256: str) -> bool:
    """Whether a battery is the one that is asked for, if any is."""
    return asked is None or name == asked or begins(sha256, asked)


def known_scores() -> dict[str, ScoreSpec]:
    """Every score of this version, by ``<probe>.<score>``."""
    return {
        f"{text.name}.{name}": spec
        for text in probe_texts().values()
        for name, spec in text.scores.items()
    }


def _score_of(column: str) -> tuple[str, str]:
    if column not in known_scores():
        raise unknown_name("score", column, known_scores())
    probe, _, name = column.partition(".")
    return probe, name


def _of_models(summaries: Sequence[Summary], models: Sequence[str]) -> list[Summary]:
    if not models:
        return list(summaries)
    found: dict[int, Summary] = {}
    for pattern in models:
        matching = {
            index: summary
            for index, summary in enumerate(summaries)
            if fnmatchcase(summary.card.name, pattern)
            or summary.card.name == pattern
            or begins(summary.fingerprint, pattern)
        }
        if not matching:
            names = {summary.card.name for summary in summaries}
            raise unknown_name("stored model", pattern, names)
        found |= matching
    return [found[index] for index in sorted(found)]


def _of_one_board(
    summaries: Sequence[Summary], battery: str | None, examples: int | None
) -> list[Summary]:
    """The summaries of one battery and data set."""
    kept = [each for each in summaries if _is_of(battery, each.battery, each.battery_sha256)]
    if not kept and battery is not None and summaries:
        raise unknown_name("stored battery", battery, {each.battery for each in summaries})
    if examples is not None:
        counts = {each.examples for each in kept}
        kept = [each for each in kept if each.examples == examples]
        if not kept and counts:
            listed = ", ".join(map(str, sorted(counts)))
            raise InputError(
                f"no results on {examples} images are stored; there are some on {listed}"
            )
    if not kept:
        raise InputError("no scores on test images are stored; run nonsingular bench first")
    boards = {(each.battery_sha256, each.data_sha256, each.battery, each.examples) for each in kept}
    if len(boards) > 1:
        listed = "; ".join(
            f"{shown(name)} {sha256[:HASH_DIGITS]} on {count:,} images {data[:HASH_DIGITS]}"
            for sha256, data, name, count in sorted(boards, key=lambda each: each[2:])
        )
        raise InputError(
            f"the chosen results are of {len(boards)} boards, whose scores are not comparable: "
            f"{listed}; choose one with --battery and --examples, or name the models"
        )
    return kept
