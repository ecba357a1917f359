"""Checkpoints that are part of another installed package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from models_zoo.card import Card
from models_zoo.display import shown
from models_zoo.errors import InputError


@contextmanager
def installed_file(card: Card) -> Iterator[Path]:
    """The checkpoint at ``<package>/<path>`` of another installed package, which is not imported.

    Raises:
        InputError: the card names no checkpoint, or the package or its file is missing.
    """
    package, _, inner = (card.checkpoint or "").partition("/")
    if not inner:
        raise InputError(f"the card of model {shown(card.name)} names no checkpoint in a package")
    spec = find_spec(package)
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / inner
        if path.is_file():
            yield path
            return
    raise InputError(
        f"model {shown(card.name)} needs {inner} of the package {package}; run 'pip install "
        f"{package}'"
    )
