"""What the board, the comparison and the exports show of a model's card."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from leaderboard.formatting.texts import ABSENT, size
from models_zoo.architectures import family
from models_zoo.card import Card

NOT_STATED = "not stated"

_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d\d)(?:0[1-9]|1[0-2])\.\d{4,5}")

Value = str | int | None


@dataclass(frozen=True)
class CardColumn:
    """One fact about models. A new one needs only its entry in :data:`CARD_COLUMNS`.

    Attributes:
        key: its name in addresses, in CSV and in JSON.
        heading: of its column and its filter.
        value: returns the fact from a card; ``None`` if the card does not state it. Columns whose
            values are integers are numbers: they are sorted as such and shown in few characters.
        is_number: whether the values are integers.
        in_table: whether it is a column of the board.
        is_usual: whether the front page shows that column before a reader chooses columns.
        is_filter: whether the board can be filtered by it.
        exported: whether CSV, JSON and the comparison of models have it.
    """

    key: str
    heading: str
    value: Callable[[Card], Value]
    is_number: bool = False
    in_table: bool = True
    is_usual: bool = False
    is_filter: bool = False
    exported: bool = True

    def text(self, card: Card) -> str:
        """The fact as shown."""
        value = self.value(card)
        if self.is_number:
            return size(value) if isinstance(value, int) else ABSENT
        return NOT_STATED if value is None else str(value)


def year(card: Card) -> str | None:
    """The year of the paper, from its arXiv number."""
    found = _ARXIV.search(str(card.paper or ""))
    return f"20{found.group(1)}" if found else None


def extra_data(card: Card) -> str | None:
    """Whether the model was trained on more than the data set's training images."""
    stated = card.training.extra_data if card.training else None
    return None if stated is None else "yes" if stated else "no"


CARD_COLUMNS: list[CardColumn] = [
    CardColumn("recipe", "Recipe", lambda card: card.recipe, is_usual=True, is_filter=True),
    CardColumn("architecture", "Architecture", lambda card: card.architecture),
    CardColumn("parameters", "Parameters", lambda card: card.parameters, is_number=True),
    CardColumn(
        "family",
        "Architecture family",
        lambda card: family(card.architecture),
        in_table=False,
        is_filter=True,
        exported=False,
    ),
    CardColumn("extra", "Extra data", extra_data, in_table=False, is_filter=True, exported=False),
    CardColumn("source", "Source", lambda card: card.source, in_table=False, is_filter=True),
    CardColumn("year", "Year", year, in_table=False, is_filter=True, exported=False),
]
"""Every fact, in the order in which tables show them."""
