"""Headers of NumPy arrays in files, read without unpickling or allocating anything."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import IO, Any

import numpy as np

_MAX_HEADER_BYTES = 10_000


class UnreadableError(ValueError):
    """An archive or one of its arrays cannot be read; the message says why."""


@dataclass(frozen=True)
class Header:
    """The header of an array.

    Attributes:
        dtype: its type.
        shape: its shape.
        fortran: whether it is in column-major order.
        start: offset of the data in the file, in bytes.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        """Size of the data in bytes."""
        return prod(self.shape) * self.dtype.itemsize


def read_header(stream: IO[bytes], what: str) -> Header:
    """Read the header of an array.

    Args:
        stream: a file in NumPy's format, at its beginning.
        what: the array, for messages.

    Raises:
        UnreadableError: it is not one, holds Python objects, or has an impossible shape.
        ValueError: NumPy cannot read the header.
    """
    begin = stream.read(12)
    if begin[:6] != b"\x93NUMPY" or begin[6:8] not in (b"\1\0", b"\2\0"):
        raise UnreadableError(f"{what} is not a NumPy array")
    wide = begin[6] == 2
    (length,) = struct.unpack_from("<I" if wide else "<H", begin, 8)
    if length > _MAX_HEADER_BYTES:
        raise UnreadableError(f"{what} has a header of {length:,} bytes")
    start = length + (12 if wide else 10)
    text = BytesIO((begin + stream.read(length))[8:start])
    read = np.lib.format.read_array_header_2_0 if wide else np.lib.format.read_array_header_1_0
    shape, fortran, dtype = read(text)
    if dtype.hasobject:
        raise UnreadableError(f"{what} holds Python objects, which are not unpickled")
    if any(type(size) is not int or size < 0 for size in shape) or len(shape) > 32:
        raise UnreadableError(f"{what} has the impossible shape {shape}")
    return Header(dtype, shape, fortran, start)
