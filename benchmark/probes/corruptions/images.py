"""Where the corrupted images of a batch are from: generated, or read from published files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.corruptions import (
    CORRUPTIONS,
    GENERATOR,
    LEAST_SIDE,
    SEVERITIES,
    VALIDATION,
    corrupt,
    defined_for,
)
from benchmark.corruptions.draws import image_key
from benchmark.datasets.cifar_c import CifarC
from benchmark.subject import Subject

Cell = tuple[str, int]
"""A corruption and its severity."""

Bytes = NDArray[np.uint8]

_MOST_VALUES = 1 << 22
"""Values that are generated at once, which bounds memory: 8 bytes each, a few times."""

T = TypeVar("T")
U = TypeVar("U")


class Source(Protocol):
    """Where corrupted images are from."""

    def batches(self, rows: slice, cells: Sequence[Cell]) -> Iterator[Bytes]:
        """The examples of a batch under each of the cells, in their order.

        Args:
            rows: of the examples.
            cells: which corruptions and severities.
        """

    def protocol(self) -> dict[str, str]:
        """What the images depend on, for readers; after all were read."""


@dataclass(frozen=True)
class Names:
    """The corruptions that are evaluated: of the benchmark, and for validation."""

    benchmark: list[str]
    validation: list[str]

    @property
    def cells(self) -> list[Cell]:
        """All corruptions at all severities."""
        return [(name, each) for name in self.benchmark + self.validation for each in SEVERITIES]


def names_for(shape: tuple[int, ...], *, published: bool, validation: bool) -> Names:
    """The corruptions of images (C, H, W).

    Args:
        shape: of an image.
        published: whether they are from published files, which have all.
        validation: whether those for validation are evaluated.
    """
    channels, height, width = shape
    benchmark, further = (
        (list(CORRUPTIONS), list(VALIDATION)) if published else defined_for(channels, height, width)
    )
    return Names(benchmark, further if validation else [])


def not_corruptible(shape: tuple[int, ...]) -> str | None:
    """Why images (C, H, W) cannot be corrupted; ``None`` if they can."""
    if shape[0] in (1, 3) and min(shape[1:]) >= LEAST_SIDE:
        return None
    return (
        f"corruptions are defined for images of 1 or 3 channels and sides of at least {LEAST_SIDE} "
        f"pixels, these have shape {tuple(shape)}"
    )


def in_bytes(images: Tensor) -> Bytes:
    """Images in [0, 1] as bytes, to the nearest level."""
    levels: Bytes = (images.detach().cpu() * 255).round_().clamp_(0, 255).byte().numpy()
    return levels


class Generated:
    """Images of the suite's own generator.

    Args:
        subject: the examples and the seed.
    """

    def __init__(self, subject: Subject) -> None:
        self._images, self._seed = subject.images, subject.seed

    def batches(self, rows: slice, cells: Sequence[Cell]) -> Iterator[Bytes]:
        """As :meth:`Source.batches`; while one is used the next one is generated."""
        clean = in_bytes(self._images[rows])
        keys = [image_key(image) for image in clean]
        size = max(1, _MOST_VALUES // clean[0].size)

        def corrupted(cell: Cell) -> Bytes:
            parts = [slice(start, start + size) for start in range(0, len(clean), size)]
            return np.concatenate(
                [corrupt(clean[part], *cell, seed=self._seed, keys=keys[part]) for part in parts]
            )

        return _ahead(corrupted, cells)

    def protocol(self) -> dict[str, str]:
        """The generator, and the versions of what it computes with."""
        from PIL import features

        jpeg = features.version_feature("libjpeg_turbo") or features.version_codec("jpg")
        packages = ", ".join(f"{name} {version(name)}" for name in ("NumPy", "SciPy", "Pillow"))
        return {"images": GENERATOR, "generated with": f"{packages}, JPEG library {jpeg}"}


@dataclass
class Read:
    """Images from published files.

    Attributes:
        files: the files.
        digests: SHA-256 of what was read of each cell.
    """

    files: CifarC
    digests: dict[Cell, Any] = field(default_factory=dict)

    def batches(self, rows: slice, cells: Sequence[Cell]) -> Iterator[Bytes]:
        """As :meth:`Source.batches`."""

        def read(cell: Cell) -> Bytes:
            images = self.files.images(*cell, rows.start, rows.stop - rows.start)
            self.digests.setdefault(cell, hashlib.sha256()).update(images.tobytes())
            return images

        return _ahead(read, cells)

    def protocol(self) -> dict[str, str]:
        """The name of the set, and a hash of the images."""
        whole = hashlib.sha256()
        for (name, severity), digest in sorted(self.digests.items()):
            whole.update(f"{name} {severity} {digest.hexdigest()}\n".encode())
        return {"images": self.files.published.folder, "SHA-256 of the images": whole.hexdigest()}


def _ahead(work: Callable[[T], U], items: Sequence[T]) -> Iterator[U]:
    """The results for items in their order; each is computed while the one before is used."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = None
        for item in items:
            ready, coming = coming, pool.submit(work, item)
            if ready is not None:
                yield ready.result()
        if coming is not None:
            yield coming.result()


def to_images(levels: Bytes, device: torch.device) -> Tensor:
    """Bytes as float32 images in [0, 1] on a device."""
    own = torch.from_numpy(np.ascontiguousarray(levels))
    return own.to(device).float().div_(255)
