"""The normalization of a model: as given by the user, or as found in its checkpoint."""

from __future__ import annotations

from models_zoo.card import Card
from models_zoo.checkpoint.normalizers import Normalization, agree
from models_zoo.errors import InputError
from models_zoo.sources.description import make_card
from models_zoo.units import for_byte_images, in_unit_range, written


def settle(card: Card, found: Normalization | None, *, stated: bool, source: str) -> Card:
    """The card with its normalization.

    Args:
        card: what is known of the model.
        found: the normalization in its checkpoint, if any.
        stated: whether the card's mean and standard deviation were given, rather than the default.
        source: name of the weights in messages.

    Raises:
        InputError: the given and the found normalization contradict each other, or the latter is
            for images from 0 to 255.
    """
    if found is None:
        return card
    for_bytes = for_byte_images(found.mean, found.std)
    mean = in_unit_range(found.mean) if for_bytes else found.mean
    std = in_unit_range(found.std) if for_bytes else found.std
    if stated and agree(mean, card.mean) and agree(std, card.std):
        return card
    hint = f"--mean {written(mean)} --std {written(std)}"
    if for_bytes:
        raise InputError(
            f"{source} holds a normalization in units of 0 to 255 ({found.names[0]}: {found}), and "
            f"images here are in [0, 1]; did you mean {hint}?"
        )
    if stated:
        raise InputError(
            f"{source} holds its own normalization ({found.names[0]}: {found}), and mean "
            f"{written(card.mean)}, std {written(card.std)} was given; leave --mean and --std out "
            f"(?mean= and ?std= in a name), or give {hint}"
        )
    fields = card.model_dump() | {"mean": mean, "std": std}
    return make_card(**fields)
