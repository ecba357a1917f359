"""CIFAR-10-C and CIFAR-100-C: the published corrupted test images, from their files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.npy_header import Header, UnreadableError, read_header
from benchmark.datasets.root import ROOT_VARIABLE, data_root
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

PER_SEVERITY = 10_000
"""Images of each severity: the test images of CIFAR in their order."""

SEVERITIES = 5

IMAGES = (PER_SEVERITY * SEVERITIES, 32, 32, 3)
"""Shape of the array of each corruption, severity 1 first."""

LABELS = "labels"


@dataclass(frozen=True)
class Published:
    """A published set of corrupted images (Hendrycks & Dietterich 2019).

    Attributes:
        name: as results name it.
        dataset: the data set whose test images were corrupted.
        folder: folder of its files within the root of data sets.
        archive: file that contains this folder.
        address: where the archive is.
    """

    name: str
    dataset: str
    folder: str
    archive: str
    address: str


PUBLISHED = {
    each.name: each
    for each in (
        Published(
            "cifar10-c",
            "cifar10",
            "CIFAR-10-C",
            "CIFAR-10-C.tar",
            "https://zenodo.org/records/2535967",
        ),
        Published(
            "cifar100-c",
            "cifar100",
            "CIFAR-100-C",
            "CIFAR-100-C.tar",
            "https://zenodo.org/records/3555552",
        ),
    )
}


@dataclass(frozen=True)
class CifarC:
    """The files of a published set, of which only the rows that are asked for are read.

    Attributes:
        published: which set.
        root: the folder of data sets.
    """

    published: Published
    root: Path

    @classmethod
    def named(cls, name: str) -> CifarC:
        """The set of a name, in the folder of data sets that was named last."""
        return cls(PUBLISHED[name], data_root())

    def require(self, corruptions: list[str]) -> None:
        """Check that all files are there and have the right headers.

        Args:
            corruptions: names of the corruptions.

        Raises:
            InputError: a file is missing or damaged.
        """
        missing = [name for name in (LABELS, *corruptions) if not self._path(name).is_file()]
        if missing:
            raise InputError(
                f"{self.published.folder} is not (whole) in {shown(self.root)}: "
                f"{missing[0]}.npy is missing; unpack {self.published.archive} "
                f"({self.published.address}) there, or name the folder that holds "
                f"{self.published.folder} with --data-root or {ROOT_VARIABLE}"
            )
        for name in (LABELS, *corruptions):
            self._header(name)

    def require_same(self, labels: NDArray[np.int64]) -> None:
        """Check that examples are the first test images, as far as their labels say so.

        Args:
            labels: int64 (N,), of the examples.

        Raises:
            InputError: there are too many, or they have other labels.
        """
        count = len(labels)
        blocks = self._labels.reshape(SEVERITIES, PER_SEVERITY)[:, :count].astype(np.int64)
        if count > PER_SEVERITY or not (blocks == labels).all():
            raise InputError(
                f"the {count:,} examples are not the first test images of "
                f"{self.published.dataset}, which {self.published.folder} is about: its labels are "
                "others; leave --data out, or give the first test images in their order"
            )

    def images(self, corruption: str, severity: int, first: int, count: int) -> NDArray[np.uint8]:
        """Some of the corrupted images, uint8 (count, 3, 32, 32).

        Args:
            corruption: name of the corruption.
            severity: 1 to 5.
            first: place of the first one among the test images.
            count: how many.

        Raises:
            InputError: the file is damaged.
        """
        header, size = self._header(corruption), int(np.prod(IMAGES[1:]))
        row = (severity - 1) * PER_SEVERITY + first
        try:
            with self._path(corruption).open("rb") as file:
                file.seek(header.start + row * size)
                content = file.read(count * size)
        except OSError as error:
            raise self._broken(corruption, reason_of(error)) from error
        if len(content) != count * size:
            raise self._broken(corruption, "has become shorter")
        rows = np.frombuffer(content, np.uint8).reshape(count, *IMAGES[1:])
        return rows.transpose(0, 3, 1, 2)

    @cached_property
    def _labels(self) -> NDArray[np.integer]:
        """Labels (50000,) of all severities."""
        header, path = self._header(LABELS), self._path(LABELS)
        return np.fromfile(path, header.dtype, IMAGES[0], offset=header.start)

    def _header(self, name: str) -> Header:
        """The header of a file, checked against its size and against what it has to hold."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                header = read_header(file, f"{name}.npy")
                size = file.seek(0, 2) - header.start
        except UnreadableError as error:
            raise self._broken(name, str(error).removeprefix(f"{name}.npy ")) from error
        except Exception as error:  # from the file system, NumPy or Python's parser
            raise self._broken(name, f"cannot be read ({reason_of(error)})") from error
        wanted = IMAGES[:1] if name == LABELS else IMAGES
        right_type = header.dtype.kind in "iu" if name == LABELS else header.dtype == np.uint8
        if header.shape != wanted or not right_type or header.fortran:
            order = ", in column-major order" if header.fortran else ""
            raise self._broken(name, f"holds {header.dtype} {header.shape}{order}")
        if size != header.nbytes:
            raise self._broken(name, f"has {size:,} bytes of data instead of {header.nbytes:,}")
        return header

    def _path(self, name: str) -> Path:
        return self.root / self.published.folder / f"{name}.npy"

    def _broken(self, name: str, reason: str) -> InputError:
        kind = f"whole numbers {IMAGES[:1]}" if name == LABELS else f"uint8 {IMAGES}"
        return InputError(
            f"{shown(self._path(name))} {reason}; a file of {self.published.folder} holds {kind}: "
            f"unpack {self.published.archive} again"
        )
