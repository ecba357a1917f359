"""The fingerprint of a function: the same for the same model in another format or number type.

A hash of the weights changes with every bit of them. A fingerprint is the model's logits on
generated images, centered, scaled and rounded to bytes, and two are compared by their distance:
float16 weights and another library's kernels move a few bytes by one, another model moves them all.
The scale of the logits does not count, as no prediction depends on it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

IMAGES = 40
"""Number of images whose logits are in a fingerprint."""

NUMBERS = 8
"""Number of values per image. Logits of more classes are projected to as many."""

VERSION = "f1"
"""Changes with the images and the arithmetic: fingerprints of different kinds never agree."""

LEVELS = 32
"""Levels per standard deviation of the logits."""

MAX_DISTANCE = 0.05
"""Largest distance of two fingerprints of the same function, relative to their lengths. Of the 28
bundled networks, weights rounded to float16 are at most 0.005 apart from their originals, rounded
to bfloat16 at most 0.013; the two closest networks of different trainings are 0.27 apart."""


def function_fingerprint(
    model: Callable[[Tensor], Tensor], input_shape: tuple[int, ...]
) -> str | None:
    """The fingerprint of a model; ``None`` if its logits are not finite, all the same or random.

    Args:
        model: from images (N, C, H, W) in [0, 1] to logits, in eval mode.
        input_shape: (channels, height, width) of an image.
    """
    import torch

    from benchmark.randomness import MAX_REPEATED_CHANGE, largest_difference, largest_logit
    from leaderboard.submissions.generated_images import generated_images

    images = generated_images(input_shape, IMAGES)
    with torch.no_grad():
        found, again = model(images), model(images)
    if largest_difference(found, again) > MAX_REPEATED_CHANGE * largest_logit(found):
        return None
    logits = found.double().numpy()
    if not np.isfinite(logits).all():
        return None
    logits = logits - logits.mean(axis=1, keepdims=True)
    varying = (logits - logits.mean(axis=0)) @ _projection(logits.shape[1])
    scale = float(np.sqrt((varying**2).mean()))
    if not scale > 0:
        return None
    levels = np.clip(np.rint(varying * (LEVELS / scale)), -127, 127).astype(np.int8)
    text = base64.b64encode(levels.tobytes()).decode("ascii")
    shape = "x".join(map(str, input_shape))
    return f"{VERSION}:{shape}:{logits.shape[1]}:{text}"


def same_function(first: str, second: str) -> bool:
    """Whether two fingerprints are of the same function, up to rounding of weights and logits.

    Args:
        first: of :func:`function_fingerprint`.
        second: of another model; text of another kind is of no function.
    """
    return bool(of_same_function({"first": first, "second": second}))


def of_same_function(fingerprints: Mapping[str, str]) -> dict[str, list[str]]:
    """Which of many models compute the same function, see :func:`same_function`.

    Args:
        fingerprints: of :func:`function_fingerprint`, by model.

    Returns:
        The other models with the function of a model, for those that have any.
    """
    kinds: dict[tuple[str, int], dict[str, np.ndarray]] = {}
    for model, text in fingerprints.items():
        kind, _, levels = text.rpartition(":")
        numbers = _numbers(levels)
        if numbers is not None and numbers.any():
            kinds.setdefault((kind, len(numbers)), {})[model] = numbers
    found: dict[str, list[str]] = {}
    for group in kinds.values():
        models = list(group)
        for model, others in zip(models, _near(np.stack([*group.values()])), strict=True):
            same = [models[each] for each in others if models[each] != model]
            if same:
                found[model] = same
    return found


def _near(levels: np.ndarray) -> Iterator[np.ndarray]:
    """For each row, the numbers of the rows within :data:`MAX_DISTANCE`, itself among them."""
    squares = (levels**2).sum(axis=1)
    for row, square in zip(levels, squares, strict=True):
        distances = square + squares - 2 * levels @ row  # squared; whole numbers, so exact
        yield np.flatnonzero(distances <= MAX_DISTANCE**2 * np.maximum(square, squares))


def _projection(classes: int) -> np.ndarray:
    """Signs (classes, NUMBERS), the same everywhere; the identity for few classes."""
    if classes <= NUMBERS:
        return np.eye(classes)
    generator = np.random.RandomState(classes)
    bits = np.frombuffer(generator.bytes(classes * NUMBERS), dtype=np.uint8) & 1
    return 2.0 * bits.reshape(classes, NUMBERS) - 1.0


def _numbers(text: str) -> np.ndarray | None:
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return np.frombuffer(content, dtype=np.int8).astype(np.float64)
