"""Checkpoints that are part of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path

from models_zoo.card import Card
from models_zoo.display import shown
from models_zoo.errors import InputError


@contextmanager
def bundled_file(card: Card) -> Iterator[Path]:
    """The bundled checkpoint of a card, as a file that exists inside the context.

    Raises:
        InputError: the card names no checkpoint, or the package lacks it.
    """
    if card.checkpoint is None:
        raise InputError(f"the card of model {shown(card.name)} names no checkpoint")
    resource = files("models_zoo") / "checkpoints" / card.dataset / card.checkpoint
    if not resource.is_file():
        raise InputError(
            f"model {shown(card.name)} lacks its bundled checkpoint {card.checkpoint}; "
            "install nonsingular again"
        )
    with as_file(resource) as path:
        yield path
