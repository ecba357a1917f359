"""Cards of foreign models, and the options in a name that complete or correct them."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from models_zoo.card import Card
from models_zoo.errors import InputError, first_problem, printable, shown
from models_zoo.image_sets import IMAGE_SETS
from models_zoo.sources.reference import Reference

DESCRIBING = ("dataset", "classes", "shape", "mean", "std")
"""Options that describe a model, supported by every source that does not describe its models
itself."""


def make_card(**fields: Any) -> Card:
    """A card of a foreign model; non-printable characters are escaped.

    Raises:
        InputError: the fields are inconsistent.
    """
    texts = {key: printable(value) for key, value in fields.items() if isinstance(value, str)}
    try:
        return Card(**fields | texts)
    except ValidationError as error:
        field, reason, _ = first_problem(error)
        field = field or "description"
        raise InputError(f"model {shown(fields['name'])}: {field}: {reason}") from error


def described(reference: Reference, **known: Any) -> Card:
    """The card of a model, from its source and from the options in its name.

    Options take precedence. The shape and classes of a data set in :data:`IMAGE_SETS` are
    used where neither gives them.

    Args:
        reference: the model's name.
        known: fields of the card.

    Raises:
        InputError: an option is wrong, or the shape of an image is not known.
    """
    given = {
        "dataset": reference.text("dataset"),
        "classes": reference.count("classes"),
        "input_shape": reference.shape("shape"),
        "mean": reference.numbers("mean"),
        "std": reference.numbers("std"),
    }
    fields = known | {key: value for key, value in given.items() if value is not None}
    images = IMAGE_SETS.get(fields.get("dataset", ""))
    if images is not None:
        fields = {"input_shape": images.input_shape, "classes": images.classes} | fields
    if "input_shape" not in fields:
        raise InputError(
            f"model {shown(reference.name)} does not say which images it takes; "
            "add ?shape=3x32x32 or ?dataset=cifar10 to the name"
        )
    return make_card(**{"mean": (0.0,), "std": (1.0,)} | fields)
