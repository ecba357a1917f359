"""A board as data for its page: what sorting, filters and search work on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from leaderboard.board.columns import Column
from leaderboard.board.facets import FACETS
from leaderboard.board.rows import PROFILE, Row
from leaderboard.formatting.json_text import json_text

_ASCII = bytes(range(128))


def board_payload(rows: Sequence[Row], columns: Sequence[Column]) -> dict[str, Any]:
    """Rows as plain data, a list a field, in the order of the page's rows."""
    cards = [row.summary.card for row in rows]
    return {
        "names": [card.name for card in cards],
        "notes": [row.distinguish for row in rows],
        "submitted": [int(row.summary.submitted) for row in rows],
        "pages": [row.page for row in rows],
        "papers": [str(card.paper or "") for card in cards],
        "architectures": [card.architecture for card in cards],
        "parameters": [card.parameters for card in cards],
        "flags": [row.summary.flags for row in rows],
        "ranks": [row.place.rank if row.place else None for row in rows],
        "ties": [row.tie for row in rows],
        "facets": [_coded([row.facets[i] for row in rows]) for i in range(len(FACETS))],
        "columnKeys": [column.key for column in columns],
        "columns": [_column(rows, place) for place in range(len(columns))],
        "profile": [label for _, label, _ in PROFILE],
        "profiles": [row.profile for row in rows],
    }


def _coded(values: list[str]) -> dict[str, Any]:
    """Texts that repeat: each once, and for each row its place among them."""
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
        "n": counts[0] if len(counts) == 1 else [cell.n for cell in cells],
    }


def _plain(value: float | None) -> float | str | None:
    """A number JSON can write: infinities as text, others to seven digits."""
    if value is None or value in (float("inf"), float("-inf")):
        return None if value is None else str(value).replace("inf", "Infinity")
    return float(f"{value:.7g}")


def script(name: str, payload: dict[str, Any]) -> str:
    """A script that hands data to the page; scripts, unlike data, load from the file system.

    It does not depend on the file's encoding, and cannot end an element that it stands in.
    """
    text = json_text(payload)
    others = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    for character in {"<", *others.decode("utf-8", "surrogatepass")}:
        text = text.replace(character, _escaped(character))
    return f"nonsingular.receive({json.dumps(name)}, {text});\n"


def _escaped(character: str) -> str:
    """As JSON writes it in ASCII, a ``<`` included; such characters stand in strings only."""
    return "\\u003c" if character == "<" else json.dumps(character)[1:-1]
