"""Arrays of a NumPy archive, whose headers are checked before anything is unpacked."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.npy_header import Header, UnreadableError, read_header
from models_zoo.checkpoint.archive import end_of_directory
from models_zoo.checkpoint.content import FileBytes, Readable, read_file, size_limit
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of

MAX_UNPACKED_BYTES = 2 << 30
"""Maximum number of bytes of a file's arrays together, unless the user sets another limit."""

MAX_ARRAYS = 1000
"""Maximum number of arrays of an archive."""

_MAX_TAIL_BYTES = (1 << 16) + 22
_CHUNK_BYTES = 1 << 24


class Archive:
    """An ``.npz`` file in memory.

    Args:
        path: the file.
        form: the expected content, for messages.

    Attributes:
        names: of its arrays, in order.

    Raises:
        InputError: it cannot be read, or is not an archive.
    """

    def __init__(self, path: Path, form: str) -> None:
        self.path, self.form = path, form
        file = read_file(path, kind="data file", most=MAX_UNPACKED_BYTES, inspect=self._inspect)
        try:
            self._members = _members(file)
        except Exception as error:  # a damaged directory can raise any error
            raise self.unreadable(error) from error
        self._zip = zipfile.ZipFile(BytesIO(file.data))
        self.names = [name.removesuffix(".npy") for name in self._members]

    def unreadable(self, error: Exception) -> InputError:
        """The error for damaged content."""
        return InputError(
            f"{shown(self.path)} is not a readable .npz ({reason_of(error)}); give {self.form}"
        )

    def _inspect(self, source: Readable) -> None:
        head = source.read(0, 6)
        if head == b"\x93NUMPY":
            raise InputError(f"{shown(self.path)} is a single array; give an .npz with {self.form}")
        tail = source.read(max(0, source.size - _MAX_TAIL_BYTES), _MAX_TAIL_BYTES)
        if head[:2] != b"PK" or b"PK\x05\x06" not in tail:
            what = "truncated" if head[:2] == b"PK" else f"begins with {head!r}"
            raise self.unreadable(UnreadableError(f"it is not a zip archive: {what}"))

    def headers(self, wanted: list[str]) -> dict[str, Header]:
        """Headers of some of its arrays, without unpacking the data.

        Raises:
            InputError: one is damaged, holds Python objects, or they are too large together.
        """
        try:
            found = {name: self._header(name) for name in wanted}
        except Exception as error:  # from zipfile, NumPy or Python's parser
            raise self.unreadable(error) from error
        total, limit = sum(each.nbytes for each in found.values()), size_limit(MAX_UNPACKED_BYTES)
        if total > limit:
            raise InputError(
                f"{shown(self.path)} unpacks to {total:,} bytes, more than the {limit:,} that are "
                "read here; give fewer images, or set NONSINGULAR_FILE_LIMIT="
                f"{total // 10**9 + 1}GB"
            )
        return found

    def load(self, name: str, header: Header) -> NDArray[Any]:
        """Load an array with a given header.

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
                while at < len(content) and (
                    part := stream.read(min(_CHUNK_BYTES, len(content) - at))
                ):
                    view[at : at + len(part)] = part
                    at += len(part)
                if at < len(content) or stream.read(1):  # checksums are compared at the end
                    raise UnreadableError(f"array {name!r} has another length than it says")
            flat: NDArray[Any] = np.frombuffer(content, header.dtype)
            if header.fortran:
                return flat.reshape(header.shape[::-1]).transpose()
            return flat.reshape(header.shape)
        except Exception as error:  # from zipfile, its decompression, or memory
            raise self.unreadable(error) from error

    def _header(self, name: str) -> Header:
        member = self._members[f"{name}.npy"]
        with self._zip.open(member) as stream:
            found = read_header(stream, f"array {name!r}")
        if found.nbytes != member.file_size - found.start:
            raise UnreadableError(
                f"array {name!r} should have {found.nbytes:,} bytes, it has "
                f"{member.file_size - found.start:,}"
            )
        return found


def _members(file: FileBytes) -> dict[str, zipfile.ZipInfo]:
    count, _, size = end_of_directory(file)
    if count > MAX_ARRAYS or size > MAX_ARRAYS * 1024:
        raise UnreadableError(f"it has {count:,} arrays, more than {MAX_ARRAYS:,}")
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
