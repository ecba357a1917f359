"""Checkpoints that are downloaded on first use, and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models_zoo.card import Card
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.sources.download import download

CACHE = "NONSINGULAR_CACHE"
"""Environment variable with the folder that downloaded checkpoints are kept in."""


@contextmanager
def downloaded_file(card: Card) -> Iterator[Path]:
    """The checkpoint of a card with an address, downloaded if it does not exist.

    Raises:
        InputError: the card has no address or hash, or the file cannot be downloaded.
    """
    if card.url is None or card.sha256 is None:
        raise InputError(
            f"the card of model {shown(card.name)} needs url and sha256 to be downloaded"
        )
    name = card.checkpoint or str(card.url).rpartition("/")[2]
    yield download(str(card.url), cache_folder() / card.dataset / name, sha256=card.sha256)


def cache_folder() -> Path:
    """The folder that downloaded checkpoints are kept in."""
    import pooch

    return Path(os.environ.get(CACHE) or pooch.os_cache("nonsingular"))
