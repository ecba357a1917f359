"""A file read once, into our own memory, so that the same bytes are parsed, hashed and kept."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models_zoo.display import shown
from models_zoo.errors import InputError

FILE_LIMIT = "NONSINGULAR_FILE_LIMIT"
"""Environment variable with the maximum size of a file, such as ``8GB``."""

LARGEST = 4 << 30
"""Maximum size of a file in bytes if neither the variable nor the caller sets it."""

_UNITS = {"": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_CHUNK = 1 << 24


class Readable(Protocol):
    """A source that can be read in parts: a file, or bytes in memory."""

    @property
    def size(self) -> int:
        """Number of bytes."""
        ...

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``; fewer at the end."""
        ...


Inspect = Callable[[Readable], object]
"""Called on a file before it is read completely; raises :class:`InputError` to refuse it."""


@dataclass(frozen=True)
class FileBytes:
    """The content of a file, as it was when it was read.

    Attributes:
        path: where it was read from.
        data: its bytes, in memory that does not change with the file.
        sha256: hash of these bytes.
    """

    path: Path
    data: bytes
    sha256: str

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start``; fewer at the end."""
        return self.data[start : start + length]


class _OpenFile:
    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    @property
    def size(self) -> int:
        return os.fstat(self.descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        parts = []
        while length > 0 and (part := os.pread(self.descriptor, min(length, _CHUNK), start)):
            parts.append(part)
            start, length = start + len(part), length - len(part)
        return b"".join(parts)


def read_file(
    path: str | Path,
    *,
    kind: str = "checkpoint",
    most: int | None = None,
    inspect: Inspect | None = None,
) -> FileBytes:
    """Read a complete file into memory, once.

    Args:
        path: a regular file.
        kind: kind of file, for messages.
        most: maximum number of bytes; by default :data:`LARGEST`. :data:`FILE_LIMIT` takes
            precedence over both.
        inspect: called with the open file first, so that a file of the wrong kind is refused before
            it is read.

    Raises:
        InputError: it cannot be read, is not a regular file, is too large, or changes while it is
            read.
    """
    path = Path(path)
    with _opened(path, kind) as (descriptor, before):
        if inspect is not None:
            inspect(_OpenFile(descriptor))
        require_size(path, before.st_size, most, kind=kind)
        data = _read_whole(descriptor, before.st_size)
        _require_same(path, descriptor, before, len(data), kind)
    return FileBytes(path, data, hashlib.sha256(data).hexdigest())


def sha256_file(path: Path, *, kind: str = "checkpoint", inspect: Inspect | None = None) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Args:
        path: a regular file.
        kind: kind of file, for messages.
        inspect: as :func:`read_file`.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    digest = hashlib.sha256()
    with _opened(path, kind) as (descriptor, before):
        if inspect is not None:
            inspect(_OpenFile(descriptor))
        require_size(path, before.st_size, None, kind=kind)
        count = 0
        while count <= before.st_size and (part := os.read(descriptor, _CHUNK)):
            digest.update(part)
            count += len(part)
        _require_same(path, descriptor, before, count, kind)
    return digest.hexdigest()


def require_size(path: Path, size: int, most: int | None, *, kind: str = "checkpoint") -> None:
    """Check a file's size against the limit.

    Raises:
        InputError: it is empty or too large, or the user's limit is not a size.
    """
    if size == 0:
        raise InputError(f"{kind} {shown(path)} is empty; download or save it again")
    limit = size_limit(LARGEST if most is None else most)
    if size > limit:
        advice = (
            f"; save the weights alone, or set {FILE_LIMIT}={size // 10**9 + 1}GB"
            if most is None
            else ""
        )
        raise InputError(
            f"{kind} {shown(path)} has {size:,} bytes, more than the {limit:,} that are read here"
            f"{advice}"
        )


def size_limit(usual: int, variable: str = FILE_LIMIT) -> int:
    """The limit set in the environment, in bytes; otherwise the default.

    Args:
        usual: the default, in bytes.
        variable: environment variable with a number of bytes, or a number with a unit such as
            ``8GB``.

    Raises:
        InputError: the variable is not a size.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return usual
    found = re.fullmatch(r"([0-9]{1,18})\s*([kmg]i?b)?", text.lower())
    if found is None or int(found[1]) == 0:
        raise InputError(f"{variable}={shown(text)} is not a size; give one such as 8GB")
    return int(found[1]) * _UNITS[found[2] or ""]


@contextmanager
def _opened(path: Path, kind: str) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of a regular file; opening others could block or have side effects."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - one call for all kinds
            raise InputError(f"{kind} {shown(path)} is not a file; name the {kind} file itself")
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise InputError(f"{kind} {shown(path)} is not a file; name the {kind} file itself")
            yield descriptor, state
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise InputError(f"{kind} {shown(path)} does not exist; check the path") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"cannot read {kind} {shown(path)}: {reason}; check the path") from error
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot read {kind} {shown(path)}: it is not a path; check it") from error
    except MemoryError as error:
        raise InputError(
            f"{kind} {shown(path)} does not fit into memory; use a machine with more, or save the "
            "weights alone"
        ) from error


def _read_whole(descriptor: int, size: int) -> bytes:
    """Read at most one byte more than ``size``, to detect a file that grows."""
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        return stream.read(size + 1)


def _require_same(
    path: Path, descriptor: int, before: os.stat_result, count: int, kind: str
) -> None:
    after = os.fstat(descriptor)
    if (count, after.st_size, after.st_mtime_ns) != (
        before.st_size,
        before.st_size,
        before.st_mtime_ns,
    ):
        raise InputError(
            f"{kind} {shown(path)} changed while it was read; wait until it is written, then run "
            "again"
        )
