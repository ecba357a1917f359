"""The generator ``corruptions-v1``: images at a severity of a corruption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.corruptions.colors import Brightness, Contrast, Saturate
from benchmark.corruptions.corruption import SEVERITIES, AnyCorruption
from benchmark.corruptions.defocus_blur import DefocusBlur
from benchmark.corruptions.draws import generators, image_key
from benchmark.corruptions.elastic import ElasticTransform
from benchmark.corruptions.encodings import JpegCompression, Pixelate
from benchmark.corruptions.fog import Fog
from benchmark.corruptions.frost import Frost
from benchmark.corruptions.gaussian_blur import GaussianBlur
from benchmark.corruptions.glass_blur import GlassBlur
from benchmark.corruptions.motion_blur import MotionBlur
from benchmark.corruptions.noise import GaussianNoise, ImpulseNoise, ShotNoise, SpeckleNoise
from benchmark.corruptions.pixels import Bytes
from benchmark.corruptions.snow import Snow
from benchmark.corruptions.spatter import Spatter
from benchmark.corruptions.zoom_blur import ZoomBlur
from models_zoo.errors import InputError, shown, unknown_name

GENERATOR = "corruptions-v1"
"""Name and version. The same version gives the same images, up to rounding and, for JPEG, up to the
version of the library that encodes it."""

LEAST_SIDE = 8
"""Smallest side of an image that is corrupted, in pixels."""

CORRUPTIONS: dict[str, AnyCorruption] = {
    each.name: each
    for each in (
        GaussianNoise(),
        ShotNoise(),
        ImpulseNoise(),
        DefocusBlur(),
        GlassBlur(),
        MotionBlur(),
        ZoomBlur(),
        Snow(),
        Frost(),
        Fog(),
        Brightness(),
        Contrast(),
        ElasticTransform(),
        Pixelate(),
        JpegCompression(),
    )
}
"""The 15 corruptions of the benchmark, by name, in the order of CIFAR-10-C."""

VALIDATION: dict[str, AnyCorruption] = {
    each.name: each for each in (SpeckleNoise(), GaussianBlur(), Spatter(), Saturate())
}
"""Four more, for choosing hyper-parameters. They are not part of any mean."""


def corrupt(
    images: NDArray[np.uint8],
    name: str,
    severity: int,
    *,
    seed: int = 0,
    keys: Sequence[int] | None = None,
) -> Bytes:
    """Images at a severity of a corruption; the given ones are not changed.

    An image is the same whatever the others of the batch and their order: its draws are seeded by
    (seed, corruption, severity, image).

    Args:
        images: uint8 (B, C, H, W), C is 1 or 3, H and W at least :data:`LEAST_SIDE`.
        name: a key of :data:`CORRUPTIONS` or :data:`VALIDATION`.
        severity: 1 to 5.
        seed: root of the draws, at least 0.
        keys: what identifies each image, such as its place in a data set, at least 0; by default a
            hash of its pixels.

    Returns:
        uint8 (B, C, H, W).

    Raises:
        InputError: an unknown corruption or severity, images of another type or shape, a
            corruption that is not defined for images of this shape, a negative seed, or another
            number of keys than of images.
    """
    corruption = (CORRUPTIONS | VALIDATION).get(name)
    if corruption is None:
        raise unknown_name("corruption", name, [*CORRUPTIONS, *VALIDATION])
    if severity not in SEVERITIES:
        raise InputError(f"severity must be a whole number from 1 to 5, got {shown(severity)}")
    _require_images(images)
    if not corruption.applies(*images.shape[1:]):
        raise InputError(
            f"{name} is not defined for images of shape {tuple(images.shape[1:])}: it needs "
            f"{'3 channels and ' if corruption.needs_color else ''}sides of at least "
            f"{max(corruption.least_side, LEAST_SIDE)} pixels"
        )
    own = [image_key(image) for image in images] if keys is None else keys
    if len(own) != len(images):  # a single one would be that of all images
        raise InputError(f"keys must be one per image, got {len(own)} for {len(images)} images")
    if seed < 0 or min(own, default=0) < 0:
        raise InputError(f"seed and keys must be at least 0, got {min(seed, *own)}")
    each = generators(seed, name, severity, own)
    return np.ascontiguousarray(corruption(np.ascontiguousarray(images), severity, each))


def defined_for(channels: int, height: int, width: int) -> tuple[list[str], list[str]]:
    """Names of the corruptions that are defined for images of a shape: benchmark, validation."""
    benchmark, validation = (
        [name for name, each in group.items() if each.applies(channels, height, width)]
        for group in (CORRUPTIONS, VALIDATION)
    )
    return benchmark, validation


def _require_images(images: object) -> None:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4:
        got = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else shown(images)
        raise InputError(f"images must be a uint8 array (B, C, H, W), got {got}")
    if images.shape[1] not in (1, 3) or min(images.shape[2:]) < LEAST_SIDE:
        raise InputError(
            f"images must have 1 or 3 channels and sides of at least {LEAST_SIDE} pixels, got "
            f"shape {tuple(images.shape)}"
        )
