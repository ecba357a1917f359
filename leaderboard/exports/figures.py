"""Charts of a board or of a model as files for a paper."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.charts.bars import bars_pictures
from leaderboard.charts.curves import Picture, curves_pictures
from leaderboard.charts.paper import PaperPainter, pdf_of
from leaderboard.exports.selection import select_board
from leaderboard.formatting.slugs import slug
from leaderboard.store import Entry, Store
from models_zoo.errors import InputError

FORMATS = ("pdf", "svg")
"""What charts can be written as."""


def board_figures(
    store: Store, battery: str | None, examples: int | None, painter: PaperPainter
) -> dict[str, str]:
    """The chart of a board: the SVG by the name of its file, without a suffix.

    Args:
        store: where the results are.
        battery: name or hash; needed if there are several boards.
        examples: number of images; needed likewise.
        painter: draws it.

    Raises:
        InputError: there is not one board, or it has no chart.
    """
    board = select_board(store, battery=battery, examples=examples, painter=painter)
    if board.picture is None:
        raise InputError(f"the board of {board.battery} has no chart: no model has both scores")
    return {f"{board.name}-models": painter.drawings[board.picture.file]}


def model_figures(entries: Sequence[Entry], painter: PaperPainter) -> dict[str, str]:
    """The charts of a model's results: the SVG of each by the name of its file, without a suffix.

    Args:
        entries: results of one model, each on one battery, data set and seed.
        painter: draws them.
    """
    found: dict[str, str] = {}
    for entry in entries:
        name = entry.card.name
        several = f"-{entry.provenance.battery_sha256[:6]}" if len(entries) > 1 else ""
        for result in entry.answers.values():
            pictures = curves_pictures(result.curves, painter, name)
            pictures += bars_pictures(result.bars, painter, name)
            for picture in pictures:
                file = slug(f"{name}-{result.probe}-{picture.title}{several}")
                found[_unused(file, found)] = _drawing(picture, painter)
    return found


def written(svg: str, kind: str) -> bytes:
    """A drawing as the content of a file.

    Args:
        svg: the drawing.
        kind: one of :data:`FORMATS`.
    """
    return pdf_of(svg) if kind == "pdf" else svg.encode()


def _drawing(picture: Picture, painter: PaperPainter) -> str:
    return painter.drawings[picture.file]


def _unused(name: str, taken: dict[str, str]) -> str:
    """The name, with a number behind it if another chart has it."""
    number = 2
    unused = name
    while unused in taken:
        unused, number = f"{name}-{number}", number + 1
    return unused
