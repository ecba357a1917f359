"""The filters of a board."""

from __future__ import annotations

import re
from collections.abc import Callable

from models_zoo.architectures import family
from models_zoo.card import Card

NOT_STATED = "not stated"

_ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf)/(\d\d)(?:0[1-9]|1[0-2])\.\d{4,5}")


def year(card: Card) -> str:
    """The year of the paper, from its arXiv number."""
    found = _ARXIV.search(str(card.paper or ""))
    return f"20{found.group(1)}" if found else NOT_STATED


def extra_data(card: Card) -> str:
    """Whether the model was trained on more than the data set's training images."""
    stated = card.training.extra_data if card.training else None
    return NOT_STATED if stated is None else "yes" if stated else "no"


FACETS: dict[str, tuple[str, Callable[[Card], str]]] = {
    "recipe": ("Recipe", lambda card: card.recipe),
    "family": ("Architecture family", lambda card: family(card.architecture)),
    "extra": ("Extra data", extra_data),
    "source": ("Source", lambda card: card.source),
    "year": ("Year", year),
}
"""By name: heading, and a function that returns a card's value."""
