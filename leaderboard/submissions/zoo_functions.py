"""Fingerprints of the functions of the bundled models."""

from __future__ import annotations

from functools import cache

from leaderboard.submissions.function import function_fingerprint
from models_zoo import list_models, load_card, load_model
from models_zoo.errors import InputError


@cache
def zoo_functions(dataset: str) -> dict[str, str]:
    """The fingerprints of the models that are bundled for a data set, by name.

    They take some hundredths of a second per model, less than a file of them would to keep up to
    date.

    Args:
        dataset: such as ``"digits"``; another name gives nothing.
    """
    found: dict[str, str] = {}
    for name in list_models():
        card = load_card(name)
        if card.dataset != dataset or card.source != "bundled" or card.tokens:
            continue
        try:
            text = function_fingerprint(load_model(name), card.input_shape)
        except InputError:  # an installation without the checkpoint
            continue
        if text is not None:
            found[name] = text
    return found
