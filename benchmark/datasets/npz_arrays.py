"""Arrays of a NumPy archive, of which nothing is unpacked before its header was looked at."""

from __future__ import annotations

import struct
import zipfile
from dataclasses import dataclass
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_zoo.checkpoint.archive import end_of_directory
from models_zoo.checkpoint.content import FileBytes, Readable, read_file, size_limit
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

UNPACKED = 2 << 30
"""Bytes of a file's arrays together, unless the user sets another limit."""

ARRAYS = 1000
"""Arrays of an archive at most."""

_HEADER = 10_000
_TAIL = (1 << 16) + 22
_CHUNK = 1 << 24


class UnreadableError(ValueError):
    """An archive or an array in it cannot be read; the message says why."""


@dataclass(frozen=True)
class Header:
    """What an array says of itself.

    Attributes:
        dtype: its type.
        shape: its sizes.
        fortran: whether its first index runs fastest.
        start: byte of its member at which its numbers begin.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        """Bytes of its numbers."""
        return prod(self.shape) * self.dtype.itemsize


class Archive:
    """An ``.npz`` file in memory.

    Args:
        path: the file.
        form: what it should hold, for messages.

    Attributes:
        names: of its arrays, in order.

    Raises:
        InputError: it cannot be read, or is no archive.
    """

    def __init__(self, path: Path, form: str) -> None:
        self.path, self.form = path, form
        file = read_file(path, kind="data file", most=UNPACKED, inspect=self._inspect)
        try:
            self._members = _members(file)
        except Exception as error:  # a damaged directory can fail anywhere
            raise self.unreadable(error) from error
        self._zip = zipfile.ZipFile(BytesIO(file.data))
        self.names = [name.removesuffix(".npy") for name in self._members]

    def unreadable(self, error: Exception) -> InputError:
        """What the file is refused with where its content is damaged."""
        return InputError(
            f"{shown(self.path)} is not a readable .npz ({reason_of(error)}); give {self.form}"
        )

    def _inspect(self, source: Readable) -> None:
        head = source.read(0, 6)
        if head == b"\x93NUMPY":
            raise InputError(f"{shown(self.path)} is a single array; give an .npz with {self.form}")
        tail = source.read(max(0, source.size - _TAIL), _TAIL)
        if head[:2] != b"PK" or b"PK\x05\x06" not in tail:
            what = "truncated" if head[:2] == b"PK" else f"begins with {head!r}"
            raise self.unreadable(UnreadableError(f"it is no zip archive: {what}"))

    def headers(self, wanted: list[str]) -> dict[str, Header]:
        """What some of its arrays say of themselves; nothing else of them is unpacked.

        Raises:
            InputError: one is damaged, holds Python objects, or they are too large together.
        """
        try:
            found = {name: self._header(name) for name in wanted}
        except Exception as error:  # of the zip, of NumPy or of Python's parser
            raise self.unreadable(error) from error
        total, limit = sum(each.nbytes for each in found.values()), size_limit(UNPACKED)
        if total > limit:
            raise InputError(
                f"{shown(self.path)} unpacks to {total:,} bytes, more than the {limit:,} that are "
                "read here; give fewer images, or set NONSINGULAR_FILE_LIMIT="
                f"{total // 10**9 + 1}GB"
            )
        return found

    def load(self, name: str, header: Header) -> NDArray[Any]:
        """An array whose header was found acceptable.

        Raises:
            InputError: it is damaged.
        """
        try:
            content = bytearray(header.nbytes)
            with (
                self._zip.open(self._members[f"{name}.npy"]) as stream,
                memoryview(content) as view,
            ):
                stream.read(header.start)
                at = 0
                while at < len(content) and (part := stream.read(min(_CHUNK, len(content) - at))):
                    view[at : at + len(part)] = part
                    at += len(part)
                if at < len(content) or stream.read(1):  # the end is where checksums are compared
                    raise UnreadableError(f"array {name!r} has another length than it says")
            flat: NDArray[Any] = np.frombuffer(content, header.dtype)
            if header.fortran:
                return flat.reshape(header.shape[::-1]).transpose()
            return flat.reshape(header.shape)
        except Exception as error:  # of the zip, its decompression, or memory
            raise self.unreadable(error) from error

    def _header(self, name: str) -> Header:
        member = self._members[f"{name}.npy"]
        with self._zip.open(member) as stream:
            begin = stream.read(12)
            if begin[:6] != b"\x93NUMPY" or begin[6:8] not in (b"\1\0", b"\2\0"):
                raise UnreadableError(f"array {name!r} is no array of NumPy")
            wide = begin[6] == 2
            (length,) = struct.unpack_from("<I" if wide else "<H", begin, 8)
            if length > _HEADER:
                raise UnreadableError(f"array {name!r} has a header of {length:,} bytes")
            start = length + (12 if wide else 10)
            text = BytesIO((begin + stream.read(length))[8:start])
        read = np.lib.format.read_array_header_2_0 if wide else np.lib.format.read_array_header_1_0
        shape, fortran, dtype = read(text)
        if dtype.hasobject:
            raise UnreadableError(f"array {name!r} holds Python objects, which are not unpickled")
        if any(type(size) is not int or size < 0 for size in shape) or len(shape) > 32:
            raise UnreadableError(f"array {name!r} has the impossible shape {shape}")
        found = Header(dtype, shape, fortran, start)
        if found.nbytes != member.file_size - start:
            raise UnreadableError(
                f"array {name!r} should have {found.nbytes:,} bytes, it has "
                f"{member.file_size - start:,}"
            )
        return found


def _members(file: FileBytes) -> dict[str, zipfile.ZipInfo]:
    count, _, size = end_of_directory(file)
    if count > ARRAYS or size > ARRAYS * 1024:
        raise UnreadableError(f"it has {count:,} arrays, more than {ARRAYS:,}")
    found: dict[str, zipfile.ZipInfo] = {}
    with zipfile.ZipFile(BytesIO(file.data)) as archive:
        for member in archive.infolist():
            if member.filename in found:
                raise UnreadableError(f"it has {member.filename!r} twice")
            if member.flag_bits & 0x1:
                raise UnreadableError(f"its {member.filename!r} is encrypted")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise UnreadableError(
                    f"its {member.filename!r} is packed in a way that NumPy does not use"
                )
            found[member.filename] = member
    return found
