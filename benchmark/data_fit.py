"""Whether images, labels and logits are such as the data set that a battery was made for has.

The budgets of a battery mean something for its data set only: linf 51/255 is a small perturbation
of a digit of 8 x 8 pixels, and destroys a photograph.
"""

from __future__ import annotations

from torch import Tensor

from benchmark.batteries import Battery, list_batteries, load_battery
from benchmark.datasets.standard import recognized
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError, shown
from models_zoo.image_sets import IMAGE_SETS, ImageSet
from models_zoo.inputs import kind_of
from models_zoo.text_sets import TEXT_SETS, TextSet

SETS: dict[str, ImageSet | TextSet] = {**IMAGE_SETS, **TEXT_SETS}
"""The data sets whose form is known."""

ALLOW = "own_data=True"
"""How a caller of the library accepts data that do not fit."""

LEAST_HIGHEST = 0.1
"""Smallest plausible value of the brightest pixel of all images. The darkest single image of 5,506
of CIFAR-10 reaches 0.46, of 70,000 of MNIST 0.996 and of 1,797 digits 0.875; values from 0 to 16
that were taken for bytes reach 0.063."""

_ROUNDING = 1e-6


def require_examples(
    battery: Battery, images: Tensor, labels: Tensor, *, own_data: bool = False, allow: str = ALLOW
) -> None:
    """Check that examples are such as those of the battery's data set.

    Args:
        battery: the battery. If its data set is none of :data:`SETS`, only what is wrong with any
            examples is checked.
        images: float32 (N, C, H, W) in [0, 1], or token ids, int64 (N, L).
        labels: int64 (N,).
        own_data: whether images of another shape or range and labels of other classes are accepted.
        allow: how the caller sets ``own_data``, for messages.

    Raises:
        InputError: they are not.
    """
    require_form(battery, images, labels, own_data=own_data, allow=allow)
    require_values(battery, images, labels, own_data=own_data, allow=allow)


def require_form(
    battery: Battery, images: Tensor, labels: Tensor, *, own_data: bool = False, allow: str = ALLOW
) -> None:
    """Check the shape of images and the range of labels only, as :func:`require_examples`.

    Raises:
        InputError: they are not those of the battery's data set.
    """
    wanted = None if own_data else SETS.get(battery.dataset)
    if wanted is None:
        return
    shape = tuple(images.shape[1:])
    _require_shape(battery, wanted, shape, allow)
    if int(labels.max()) >= wanted.classes:
        raise InputError(
            f"{_meant(battery)}, labels from 0 to {wanted.classes - 1}, got labels up to "
            f"{int(labels.max())}{_instead(shape, int(labels.max()) + 1, allow)}"
        )


def require_values(
    battery: Battery, images: Tensor, labels: Tensor, *, own_data: bool = False, allow: str = ALLOW
) -> None:
    """Check the range of pixels, and that no other data set is recognized.

    Raises:
        InputError: as :func:`require_examples`.
    """
    wanted = None if own_data else SETS.get(battery.dataset)
    if images.numel() > 1 and kind_of(images) == "images":
        _require_range(battery, wanted, float(images.min()), float(images.max()), allow)
    if wanted is None:
        return
    found = recognized(images, labels)
    if found not in (None, battery.dataset):
        raise InputError(
            f"{_meant(battery)}, got test images of {found}"
            f"{_instead(tuple(images.shape[1:]), wanted.classes, allow, found)}"
        )


def require_trained_for(battery: Battery, model: object, *, allow: str = ALLOW) -> None:
    """Check that a model whose card says which data set it is for is for the battery's.

    Args:
        battery: the battery.
        model: any model; only one with a card can be refused.
        allow: how the caller accepts other data, for messages.

    Raises:
        InputError: it is for another data set.
    """
    card = model.card if isinstance(model, Classifier) else None
    known = card is not None and {card.dataset, battery.dataset} <= set(SETS)
    if card is not None and known and card.dataset != battery.dataset:
        raise InputError(
            f"{_meant(battery)}, model {shown(card.name)} for {card.dataset}"
            f"{_instead(card.input_shape, card.classes, allow, card.dataset)}"
        )


def require_classes(battery: Battery, classes: int, *, allow: str = ALLOW) -> None:
    """Check that a model has a logit for each class of the battery's data set.

    Args:
        battery: the battery.
        classes: number of logits.
        allow: how the caller accepts other data, for messages.

    Raises:
        InputError: it has not.
    """
    wanted = SETS.get(battery.dataset)
    if wanted is not None and classes != wanted.classes:
        raise InputError(
            f"{_meant(battery)}, {wanted.classes:,} classes, the model has {classes:,} logits; "
            f"give a model that was trained for {battery.dataset}, or {allow} if both are your own"
        )


def _require_shape(
    battery: Battery, wanted: ImageSet | TextSet, shape: tuple[int, ...], allow: str
) -> None:
    if wanted.takes(shape):
        return
    got = f"texts of {shape[0]} token ids" if len(shape) == 1 else str(shape)
    if isinstance(wanted, TextSet):
        raise InputError(
            f"{_meant(battery)}, texts of {wanted.length} token ids, got "
            f"{'' if len(shape) == 1 else 'images of shape '}{got}{_instead(shape, 2, allow)}"
        )
    sized = "3 channels" if wanted.any_size else f"shape {wanted.input_shape}"
    got = f"{_meant(battery)}, images of {sized}, got {got}"
    if len(shape) == 3 and wanted.takes((shape[2], shape[0], shape[1])):
        raise InputError(f"{got}; they look like (N, H, W, C), use images.permute(0, 3, 1, 2)")
    raise InputError(f"{got}{_instead(shape, 2, allow)}")


def _require_range(
    battery: Battery, wanted: ImageSet | TextSet | None, low: float, high: float, allow: str
) -> None:
    if low == high:
        raise InputError(f"every pixel of the images is {low:g}, so there is nothing to classify")
    if high <= 1 / 255 + _ROUNDING:
        raise InputError(
            f"images reach only {high:.3g}, as if they had been divided by 255 twice; give values "
            "from 0 to 1, or bytes from 0 to 255 in a file"
        )
    if wanted is not None and high < LEAST_HIGHEST:
        raise InputError(
            f"{_meant(battery)}, images that reach 1, got images that reach only {high:.3g}; scale "
            f"them to [0, 1] (levels from 0 to 16 are divided by 16), or give {allow}"
        )


def _meant(battery: Battery) -> str:
    return f"battery {shown(battery.name)} is for {battery.dataset}"


def _instead(shape: tuple[int, ...], classes: int, allow: str, dataset: str | None = None) -> str:
    """What to do: the batteries for such data, or the permission."""
    fitting, what = [], "texts" if len(shape) == 1 else "images"
    for battery in map(load_battery, list_batteries()):
        images = SETS.get(battery.dataset)
        if images is not None and images.input_shape == shape and images.classes >= classes:
            fitting.append(battery)
    named = [each.name for each in fitting if dataset in (None, each.dataset)]
    other = f"use battery {' or '.join(map(repr, named))}, or give " if named else "give "
    return f"; {other}{allow} if these are {what} of your own"
