"""A board as data for its script, which sorts, filters and searches it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from leaderboard.board.card_columns import CARD_COLUMNS, CardColumn
from leaderboard.board.cell_texts import FOR_SCRIPTS, count_text
from leaderboard.board.columns import Column
from leaderboard.board.rows import Row, profile_shares
from leaderboard.formatting.json_text import json_text
from leaderboard.formatting.web_links import web_link
from models_zoo.card import Card

_ASCII = bytes(range(128))


def board_payload(rows: Sequence[Row], columns: Sequence[Column]) -> dict[str, Any]:
    """Rows as plain data: one list per field, in the order of the rows."""
    cards = [row.summary.card for row in rows]
    return {
        "names": [card.name for card in cards],
        "notes": [row.distinguish for row in rows],
        "submitted": [int(row.summary.submitted) for row in rows],
        "pages": [row.page for row in rows],
        "papers": [(card.paper and web_link(card.paper)) or "" for card in cards],
        "flags": [row.summary.flags for row in rows],
        "ranks": [row.rank.text if row.rank else None for row in rows],
        "ties": [row.tie for row in rows],
        "facts": [*(_fact(column, cards) for column in CARD_COLUMNS), _costliest(rows)],
        "columnKeys": [column.key for column in columns],
        "columns": [_column(rows, place) for place in range(len(columns))],
        "profile": [share.label for share in profile_shares().values()],
        "profiles": [row.profile for row in rows],
        "texts": FOR_SCRIPTS,
    }


def _fact(column: CardColumn, cards: Sequence[Card]) -> dict[str, Any]:
    """A fact of all cards: its texts, and its values where these are numbers."""
    numbers = {"values": [column.value(card) for card in cards]} if column.is_number else {}
    texts = _coded([column.text(card) for card in cards])
    return {"key": column.key, "filter": column.is_filter} | texts | numbers


def _costliest(rows: Sequence[Row]) -> dict[str, Any]:
    """The adversary that costs each model most: its texts, and the share that it costs."""
    values = [row.costliest.share if row.costliest else None for row in rows]
    texts = _coded([row.costs_most for row in rows])
    return {"key": "costliest", "filter": False} | texts | {"values": values}


def _coded(values: list[str]) -> dict[str, Any]:
    """Repeated texts: each text once, and its index for each row."""
    names = sorted(set(values))
    places = {name: place for place, name in enumerate(names)}
    return {"names": names, "of": [places[value] for value in values]}


def _column(rows: Sequence[Row], place: int) -> dict[str, Any]:
    cells = [row.cells[place] for row in rows]
    counts = sorted({cell.n for cell in cells if cell.n})
    return {
        "values": [_plain(cell.value) for cell in cells],
        "texts": [cell.text for cell in cells],
        "intervals": [cell.interval for cell in cells],
        "marks": [cell.mark for cell in cells],
        "n": count_text(counts[0]) if len(counts) == 1 else [count_text(cell.n) for cell in cells],
    }


def _plain(value: float | None) -> float | str | None:
    """A number for JSON: infinities as text, others to seven digits."""
    if value is None or value in (float("inf"), float("-inf")):
        return None if value is None else str(value).replace("inf", "Infinity")
    return float(f"{value:.7g}")


def script(name: str, payload: dict[str, Any]) -> str:
    """A script that passes data to the page; scripts, unlike data, can be loaded from files.

    It is ASCII and contains no ``<``, so that it is independent of the encoding and safe in HTML.
    """
    text = json_text(payload)
    others = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    for character in {"<", *others.decode("utf-8", "surrogatepass")}:
        text = text.replace(character, _escaped(character))
    return f"nonsingular.receive({json.dumps(name)}, {text});\n"


def _escaped(character: str) -> str:
    """A character as JSON in ASCII, also ``<``; such characters only occur in strings."""
    return "\\u003c" if character == "<" else json.dumps(character)[1:-1]
