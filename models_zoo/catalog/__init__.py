"""The catalog: one TOML card per model at ``<dataset>/<model>.toml``; the path is the name."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from importlib.resources import files

from models_zoo.card import Card
from models_zoo.errors import InputError, unknown_name

LISTED_BY = "nonsingular models"
"""The command that lists the names."""


def list_models(pattern: str = "*") -> list[str]:
    """Names of the zoo's models that match a pattern with ``*`` and ``?``, sorted.

    Args:
        pattern: such as ``"digits/*"`` or ``"*-pgd-at"``.
    """
    names = (
        f"{folder.name}/{card.name.removesuffix('.toml')}"
        for folder in files(__name__).iterdir()
        if folder.is_dir()
        for card in folder.iterdir()
        if card.name.endswith(".toml")
    )
    return sorted(name for name in names if fnmatchcase(name, pattern))


def load_card(name: str) -> Card:
    """The card of a model of the zoo; its weights are not read.

    Raises:
        InputError: there is no such model, or its card is broken.
    """
    if name not in list_models():
        raise unknown_name("model", name, list_models(), LISTED_BY)
    try:
        fields = tomllib.loads((files(__name__) / f"{name}.toml").read_text("utf-8"))
        return Card.model_validate({"name": name, "dataset": name.split("/")[0], **fields})
    except (ValueError, RecursionError) as error:
        raise InputError(f"card of model {name!r} is broken: {error}") from error
