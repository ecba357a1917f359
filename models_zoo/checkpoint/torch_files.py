"""Files of ``torch.save``: zip archives, and before 2020 pickles followed by numbers."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

from models_zoo.checkpoint.archive import Part, directory
from models_zoo.checkpoint.content import FileBytes, Readable
from models_zoo.checkpoint.pickled import Global, Steps, follow
from models_zoo.checkpoint.stored import WIDTHS, DamagedError, Storage, Unusable, storage_dtype

PICKLED = 32 << 20
"""Maximum number of bytes of the part of a file that describes its content."""

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


class UnsafeError(ValueError):
    """A pickle names something that is not known to be inert; the arguments are the names."""


def read_archive(source: Readable) -> object:
    """The content of a zip archive of ``torch.save``, with tensors as descriptions.

    The checksums of all parts are verified if the file is in memory.

    Raises:
        UnsafeError: its pickle asks for more than tensors and plain values.
        DamagedError: it is inconsistent.
    """
    parts = directory(source)
    prefix = next(iter(parts), "").partition("/")[0] + "/"
    pickled = _small(parts, f"{prefix}data.pkl", source)
    if pickled is None:
        raise DamagedError("it has no part data.pkl")
    if (_small(parts, f"{prefix}byteorder", source) or b"little") != b"little":
        raise DamagedError("its numbers are big-endian; load and save it with PyTorch")
    if isinstance(source, FileBytes):
        data = memoryview(source.data)
        for part in parts.values():
            part.check(data[part.start : part.start + part.length])
    storages: dict[str, Storage | Unusable] = {}

    def resolve(identity: object) -> object:
        dtype, key, numel = _storage_of(identity)
        if key not in storages:
            storages[key] = _placed(parts.get(f"{prefix}data/{key}"), dtype, numel)
        found = storages[key]
        if isinstance(found, Storage) and (found.dtype, found.numel) != (dtype, numel):
            return Storage(dtype, numel, found.start, found.length)
        return found

    return _followed(BytesIO(pickled), Steps(), resolve)


def read_legacy(source: Readable) -> object:
    """The content of a file of pickles and numbers of ``torch.save``, with tensors as descriptions.

    Raises:
        UnsafeError: a pickle asks for more than tensors and plain values.
        DamagedError: it is not such a file, or is inconsistent.
    """
    stream = BytesIO(source.read(0, min(source.size, PICKLED)))
    storages: dict[str, Storage | Unusable] = {}
    steps = Steps()

    def resolve(identity: object) -> object:
        dtype, key, numel = _storage_of(identity)
        if key not in storages:
            storages[key] = _placed(None, dtype, numel)
        found = storages[key]
        if isinstance(found, Storage) and (found.dtype, found.numel) != (dtype, numel):
            raise DamagedError("two of its tensors differ about their numbers")
        if isinstance(identity, tuple) and len(identity) > 5 and identity[5] is not None:
            raise DamagedError("it is of a PyTorch before 0.4; load and save it with a newer one")
        return found

    first = _followed(stream, steps, resolve)
    if first != _MAGIC:
        raise DamagedError("it is a pickle, but not one of torch.save")
    if _followed(stream, steps, resolve) != _PROTOCOL:
        raise DamagedError("it is of an unknown version of torch.save")
    _followed(stream, steps, resolve)  # of the machine that wrote it; numbers are little-endian
    content = _followed(stream, steps, resolve)
    keys = _followed(stream, steps, resolve)
    _place_in_turn(source, stream.tell(), keys, storages)
    return content


def _place_in_turn(
    source: Readable, at: int, keys: object, storages: dict[str, Storage | Unusable]
) -> None:
    if not isinstance(keys, list) or len(keys) != len(storages):
        raise DamagedError("it does not say in which order its numbers are")
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if not isinstance(storage, Storage) or storage.start >= 0:
            raise DamagedError("it has numbers that belong to no tensor, or are quantized")
        (numel,) = struct.unpack("<q", source.read(at, 8))
        width = WIDTHS[storage.dtype]
        if numel != storage.numel or at + 8 + numel * width > source.size:
            raise DamagedError("it ends before its numbers do")
        storage.start, storage.length = at + 8, numel * width
        at += 8 + storage.length


def _followed(stream: BytesIO, steps: Steps, resolve: Any) -> object:
    """The value of a pickle; unsafe names are reported even if the pickle is damaged."""
    try:
        value = follow(stream, steps, resolve)
    except Exception:
        if steps.unsafe:
            raise UnsafeError(*sorted(steps.unsafe)) from None
        raise
    if steps.unsafe:
        raise UnsafeError(*sorted(steps.unsafe))
    return value


def _small(parts: dict[str, Part], name: str, source: Readable) -> bytes | None:
    part = parts.get(name)
    if part is None:
        return None
    if part.length > PICKLED:
        raise DamagedError(f"its part {name!r} has more than {PICKLED:,} bytes")
    return part.read(source)


def _storage_of(identity: object) -> tuple[str, str, int]:
    """Type, key and length of the storage that a persistent id names."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise DamagedError("its pickle names numbers in an unknown way")
    kind, key, numel = identity[1], identity[2], identity[4]
    dtype = storage_dtype(kind.name) if isinstance(kind, Global) else None
    if dtype is None or not isinstance(key, str) or type(numel) is not int:
        raise DamagedError("its pickle names numbers in an unknown way")
    if not 0 <= numel < 1 << 62:
        raise DamagedError("its pickle names numbers of an impossible count")
    return dtype, key, numel


def _placed(part: Part | None, dtype: str, numel: int) -> Storage | Unusable:
    if dtype == "quantized":
        return Unusable("a quantized tensor")
    if part is None:
        return Storage(dtype, numel)
    if numel * WIDTHS[dtype] > part.length:
        raise DamagedError(f"its part {part.name!r} is shorter than its tensors")
    return Storage(dtype, numel, part.start, part.length)
