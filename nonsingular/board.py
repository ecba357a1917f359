"""A board of stored scores: one row per model, as notebooks and scripts use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leaderboard.board import Board as PlainBoard
from leaderboard.exports.latex_table import latex_table
from leaderboard.exports.markdown_table import markdown_table
from leaderboard.exports.paper_table import paper_table
from leaderboard.exports.selection import select_board
from leaderboard.exports.table import board_csv
from leaderboard.store import Store
from models_zoo.display import label, shown
from models_zoo.errors import InputError, unknown_name
from nonsingular.extras import required
from nonsingular.html import html
from nonsingular.plots import Recorder, chart_of
from nonsingular.report import Report

if TYPE_CHECKING:
    import altair as alt
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Board:
    """All models that were scored with one battery on the same examples, best first.

    Attributes:
        content: the board as the site shows it.
        recorder: its chart.
        store: the database that it was read from.
    """

    content: PlainBoard
    recorder: Recorder
    store: Store

    def __repr__(self) -> str:
        """Battery, number of models and the best of them, on one line."""
        rows = self.content.rows
        first = f", first {label(rows[0].summary.card.name)!r}" if rows else ""
        count = "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
        return f"Board({self.content.battery!r}, {count}{first})"

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.content.rows)

    def _repr_html_(self) -> str:
        return html("board.html.j2", board=self.content)

    def report(self, model: str) -> Report:
        """The stored results of a model on this board.

        Args:
            model: its name, or the start of its fingerprint.

        Raises:
            InputError: no model or several are meant.
        """
        rows = [row.summary for row in self.content.rows]
        meant = [each for each in rows if each.card.name == model]
        meant = meant or [each for each in rows if model and each.fingerprint.startswith(model)]
        if not meant:
            raise unknown_name("model on the board", model, {each.card.name for each in rows})
        if len(meant) > 1:
            listed = ", ".join(f"{each.fingerprint[:12]} seed {each.seed}" for each in meant)
            raise InputError(
                f"{len(meant)} rows are called {shown(model)} ({listed}); give the start of a "
                "fingerprint"
            )
        entries = self.store.entries(self.content.battery, [meant[0].fingerprint])
        return Report.from_entry(next(each for each in entries if each.key == meant[0].key))

    def to_csv(self) -> str:
        """The table as CSV, with the ends of each interval; harmless in spreadsheets."""
        return board_csv(self.content)

    def to_latex(self, *, intervals: bool = True, licence: str = "") -> str:
        r"""The table for a paper, with ``\usepackage{booktabs}``, as of ``nonsingular export``.

        Args:
            intervals: whether the 95% intervals are below the scores.
            licence: of the results, as an SPDX identifier, for a comment.
        """
        return latex_table(paper_table(self.content, intervals=intervals, licence=licence))

    def to_markdown(self, *, intervals: bool = True, licence: str = "") -> str:
        """The table in Markdown, with its caption below.

        Args:
            intervals: whether the 95% intervals are behind the scores.
            licence: of the results, as an SPDX identifier.
        """
        return markdown_table(paper_table(self.content, intervals=intervals, licence=licence))

    def to_frame(self) -> pd.DataFrame:
        """The table as a data frame, one row per model, indexed by the models' names.

        ``rank`` and ``last rank`` are the ends of the range of ranks that the examples allow. Each
        score has a column named ``<probe>.<score>``, and others with ``" low"`` and
        ``" high"`` behind it for the ends of its 95% interval.

        Raises:
            InputError: pandas is not installed.
        """
        pandas = required("pandas", "to_frame")
        rows = []
        for row in self.content.rows:
            cells: dict[str, object] = {
                "model": row.summary.card.name,
                "rank": row.rank.number if row.rank else None,
                "last rank": row.rank.last if row.rank else None,
                "recipe": row.summary.card.recipe,
                "architecture": row.summary.card.architecture,
                "fingerprint": row.summary.fingerprint,
                "seed": row.summary.seed,
            }
            for column in self.content.columns:
                score = row.summary.scores.get(column.key)
                low, high = (score and score.interval) or (None, None)
                for suffix, value in (
                    ("", score and score.value),
                    (" low", low),
                    (" high", high),
                ):
                    cells[f"{column.key}{suffix}"] = value
            rows.append(cells)
        frame: pd.DataFrame = pandas.DataFrame(rows).set_index("model")
        return frame

    def plot(self) -> alt.TopLevelMixin:
        """The chart of the board: input against weight robust accuracy.

        Raises:
            InputError: no model has both scores.
        """
        picture = self.content.picture
        if picture is None:
            raise InputError(
                f"board {shown(self.content.battery)} has no model with input and weight robust "
                "accuracy; run both probes"
            )
        return chart_of(self.recorder.plot(picture).spec)


def load_board(
    database: str | Path = "nonsingular.sqlite",
    *models: str,
    battery: str | None = None,
    columns: Sequence[str] = (),
    examples: int | None = None,
) -> Board:
    """A board of stored scores.

    Args:
        database: an SQLAlchemy URL, or the path of an SQLite file.
        models: names with wildcards ``*`` and ``?``, or beginnings of fingerprints; by default all.
            Ranks and marks are those among these models.
        battery: name or hash; needed if models are stored with several.
        columns: scores as ``<probe>.<score>``; by default the headline and its parts.
        examples: number of images; needed if models are stored with several.

    Raises:
        InputError: the database cannot be read, or what is chosen is not one board.
    """
    store, recorder = Store.open(database, to_read=True), Recorder()
    board = select_board(
        store, models, battery=battery, columns=columns, examples=examples, painter=recorder
    )
    return Board(board, recorder, store)
