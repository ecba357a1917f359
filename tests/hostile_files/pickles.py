"""Pickles put together opcode by opcode, and the zip archives that PyTorch puts them into."""

from __future__ import annotations

import io
import struct
import zipfile

PROTO, STOP = b"\x80\x02", b"."


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value: int) -> bytes:
    size = (value.bit_length() + 8) // 8
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def named(module: str, name: str) -> bytes:
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def tuple_of(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + tuple_of(*arguments) + b"R"


def dict_of(**items: bytes) -> bytes:
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def storage(kind: str = "FloatStorage", key: str = "0", numel: int = 4) -> bytes:
    identity = (text("storage"), named("torch", kind), text(key), text("cpu"), number(numel))
    return tuple_of(*identity) + b"Q"


def tensor(shape=(4,), stride=(1,), offset=0, numbers: bytes | None = None) -> bytes:
    sizes, steps = (tuple_of(*map(number, each)) for each in (shape, stride))
    hooks = called(named("collections", "OrderedDict"))
    place = storage() if numbers is None else numbers
    return called(
        named("torch._utils", "_rebuild_tensor_v2"),
        place,
        number(offset),
        sizes,
        steps,
        b"\x89",
        hooks,
    )


def pickle_of(content: bytes) -> bytes:
    return PROTO + content + STOP


def archive(pickled: bytes, records=None, method=zipfile.ZIP_STORED, **others: bytes) -> bytes:
    """A ``.pt`` with a pickle and storages by key."""
    buffer = io.BytesIO()
    records = {"0": struct.pack("<4f", 1, 2, 3, 4)} if records is None else records
    with zipfile.ZipFile(buffer, "w", method) as packed:
        packed.writestr("archive/data.pkl", pickled)
        packed.writestr("archive/byteorder", others.pop("byteorder", b"little"))
        for key, content in records.items():
            packed.writestr(f"archive/data/{key}", content)
        packed.writestr("archive/version", b"3\n")
    return buffer.getvalue()
