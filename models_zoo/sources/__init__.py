"""Where weights come from: bundled with the package, installed beside it, or a file."""

from __future__ import annotations

from models_zoo.catalog import load_card
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from models_zoo.sources.bundled import bundled_file
from models_zoo.sources.file import classifier_from_file, load_file
from models_zoo.sources.installed import installed_file

__all__ = ["load_file", "load_model"]

_LOCATE = {"bundled": bundled_file, "installed": installed_file}


def load_model(name: str) -> Classifier:
    """A model of the zoo, its checkpoint verified against the hash on its card.

    Args:
        name: one of :func:`models_zoo.list_models`.

    Raises:
        InputError: there is no such model, or its checkpoint is missing or was changed.
    """
    card = load_card(name)
    if card.source not in _LOCATE:
        raise InputError(f"model {name!r} has source {card.source!r}, which the zoo cannot read")
    with _LOCATE[card.source](card) as path:
        return classifier_from_file(path, card)
