"""Ten images of each corruption, by their hashes and as small parts, to notice when any changes.

``python tests/benchmark/corruption_records.py`` records them anew: then a version of the generator
with another name is due.
"""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import features

from benchmark.corruptions import CORRUPTIONS, SEVERITIES, VALIDATION, corrupt
from benchmark.corruptions.pixels import Bytes

HASHES = Path(__file__).parent / "corruption_records.json"
PARTS = Path(__file__).parent / "corruption_records.npz"
NAMES = (*CORRUPTIONS, *VALIDATION)
PART = np.s_[:, 12:20, 12:20]
"""The middle of an image, which is kept."""


@cache
def scenes(count: int = 10, side: int = 32, channels: int = 3) -> Bytes:
    """Images of smooth shades with dark and bright rectangles, from whole numbers only."""
    state, images = 12345, np.empty((count, channels, side, side), np.uint8)

    def draw(below: int) -> int:
        nonlocal state
        state = (state * 1103515245 + 12345) % 2**31
        return (state >> 8) % below

    steps = np.arange(side)
    for image in images:
        for plane in image:
            corners = [draw(256) for _ in range(4)]
            rows, columns = steps[:, None], steps
            mixed = (
                corners[0] * (side - rows) * (side - columns)
                + corners[1] * rows * (side - columns)
                + corners[2] * (side - rows) * columns
                + corners[3] * rows * columns
            )
            plane[:] = mixed // side**2
        for _ in range(6):
            top, left, size = draw(side), draw(side), 2 + draw(side // 2)
            for plane in image:
                plane[top : top + size, left : left + size] = draw(256)
    return images


def corrupted() -> dict[str, Bytes]:
    """Each corruption of the ten images, two of them at each severity."""
    images = scenes()
    return {
        name: np.concatenate(
            [corrupt(images[2 * s - 2 : 2 * s], name, s, seed=7) for s in SEVERITIES]
        )
        for name in NAMES
    }


def hashes(images: Bytes) -> list[str]:
    """The first 16 digits of the SHA-256 of each image."""
    return [hashlib.sha256(image.tobytes()).hexdigest()[:16] for image in images]


def here() -> dict[str, str]:
    """What decides on the last bit of an image."""
    packages = {name: version(name) for name in ("numpy", "scipy", "pillow")}
    jpeg = features.version_feature("libjpeg_turbo") or features.version_codec("jpg")
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "jpeg": str(jpeg),
    } | packages


def record() -> None:
    """Write both files."""
    found = corrupted()
    content = {"platform": here(), "sha256": {name: hashes(each) for name, each in found.items()}}
    HASHES.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    parts: dict[str, Any] = {name: each[:, *PART] for name, each in found.items()}
    np.savez_compressed(PARTS, **parts)


if __name__ == "__main__":
    record()
