"""Files of images (``.npz``) of which each must be refused in one line."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

Builder = Callable[[Path], None]

X = np.arange(4 * 3 * 8 * 8, dtype=np.uint8).reshape(4, 3, 8, 8)
Y = np.arange(4)


def member(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def stated(header: str, numbers: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    """An array that says something else of itself than it is."""
    length = struct.pack("<H" if version[0] == 1 else "<I", len(header) + 1)
    return b"\x93NUMPY" + version + length + header.encode() + b"\n" + numbers


def shape_of(text: str, dtype: str = "|u1") -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {text}, }}"


def packed(method: int = zipfile.ZIP_STORED, /, **members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def content(data: bytes) -> Builder:
    def build(path: Path) -> None:
        path.write_bytes(data)

    return build


def x(data: bytes) -> Builder:
    return content(packed(x=data, y=member(Y)))


def jpeg(size: tuple[int, int], stated_size: tuple[int, int] | None = None) -> bytes:
    """A JPEG file, which may say that it is larger than it is."""
    buffer = io.BytesIO()
    Image.new("L", size).save(buffer, "JPEG")
    data = buffer.getvalue()
    if stated_size is None:
        return data
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", *stated_size) + data[place + 4 :]


def pack(files: list[bytes], **changes: np.ndarray) -> Builder:
    arrays = {
        "jpeg": np.frombuffer(b"".join(files), np.uint8),
        "offsets": np.cumsum([0, *map(len, files)]),
        "y": np.zeros(len(files), np.int64),
    } | changes
    return content(packed(**{name: member(array) for name, array in arrays.items()}))


def flagged(data: bytes, flag: int) -> bytes:
    """The archive with a flag of every member set, in its directory and at the member."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            changed[place + offset] |= flag
            place = data.find(mark, place + 4)
    return bytes(changed)


def twice() -> bytes:
    buffer = io.BytesIO(GOOD)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("y.npy", member(Y))
    return buffer.getvalue()


GOOD = packed(x=member(X), y=member(Y))
SCANS = jpeg((8, 8)).replace(b"\xff\xd9", b"\xff\xda\x00\x02" * 500 + b"\xff\xd9")

REFUSED: dict[str, Builder] = {
    "empty": content(b""),
    "text": content(b"hello"),
    "web page": content(b"<html>"),
    "cut": content(GOOD[:-30]),
    "no arrays": content(packed()),
    "encrypted": content(flagged(GOOD, 1)),
    "packed with bzip2": content(packed(zipfile.ZIP_BZIP2, x=member(X), y=member(Y))),
    "packed with lzma": content(packed(zipfile.ZIP_LZMA, x=member(X), y=member(Y))),
    "an array twice": content(twice()),
    "wrong checksum": content(GOOD.replace(bytes(range(10, 40)), bytes(range(11, 41)))),
    "two thousand arrays": content(packed(**{f"a{i}": b"" for i in range(2000)})),
    "many names": content(packed(**{"\x1b[2J\n" * 3000: b"", "z": b""})),
    "objects": x(member(np.array([{}, 1], dtype=object))),
    "records": x(member(np.zeros(4, dtype=[("a", "u1"), ("b", "f4")]))),
    "texts": x(member(np.array(["a", "b"]))),
    "dates": x(member(np.array(["2024-01-01"], dtype="datetime64[D]"))),
    "negative size": x(stated(shape_of("(-4, 3, 8, 8)"))),
    "zero size": x(stated(shape_of("(0, 3, 8, 8)"))),
    "huge size": x(stated(shape_of("(1000000, 3, 1000, 1000)"), b"x")),
    "size of 2^200": x(stated(shape_of(f"({1 << 100}, {1 << 100}, 1, 1)"))),
    "size that is a text": x(stated(shape_of("'4'"))),
    "size that is a number": x(stated(shape_of("4"))),
    "size with true": x(stated(shape_of("(True, 3, 8, 8)"), bytes(192))),
    "hundred dimensions": x(stated(shape_of(str((1,) * 100)), b"x")),
    "no dimension": x(member(np.array(3, np.uint8))),
    "fewer numbers": x(stated(shape_of("(4, 3, 8, 8)"), bytes(700))),
    "more numbers": x(stated(shape_of("(4, 3, 8, 8)"), bytes(800))),
    "header that runs": x(stated("__import__('os').system('touch witness-of-code-that-ran')")),
    "header that is nested": x(stated("(" * 5000)),
    "header of 4 GB": x(b"\x93NUMPY\x02\x00\xff\xff\xff\xffabc"),
    "header of 60 kB": x(stated(shape_of("(4, 3, 8, 8)") + " " * 60_000, bytes(768))),
    "header cut": x(b"\x93NUMPY\x01\x00"),
    "version 9": x(stated(shape_of("(4, 3, 8, 8)"), bytes(768), b"\x09\x00")),
    "no array": x(b"hello"),
    "bomb": content(
        packed(
            zipfile.ZIP_DEFLATED,
            x=stated(shape_of("(1000000, 3, 8, 8)"), bytes(192 << 20)),
            y=member(Y),
        )
    ),
    "channels last": x(member(X.transpose(0, 2, 3, 1))),
    "floats": x(member(X.astype(np.float32))),
    "int16": x(member(X.astype(np.int16))),
    "labels one short": content(packed(x=member(X), y=member(Y[:3]))),
    "labels between whole numbers": content(packed(x=member(X), y=member(Y + 0.5))),
    "labels that are no numbers": content(packed(x=member(X), y=member(np.full(4, np.nan)))),
    "labels as text": content(packed(x=member(X), y=member(Y.astype("U1")))),
    "labels of another class": content(packed(x=member(X), y=member(Y + 9))),
    "labels of 2^63": content(packed(x=member(X), y=member(np.full(4, 1 << 63, np.uint64)))),
    "labels as two columns": content(packed(x=member(X), y=member(np.stack([Y, Y], 1)))),
    "labels of three axes": content(packed(x=member(X), y=member(Y[:, None, None]))),
    "JPEG of 4 gigapixels": pack([jpeg((8, 8), (65500, 65500))]),
    "JPEG of 60 megapixels": pack([jpeg((8, 8), (8000, 8000))]),
    "many large JPEGs": pack([jpeg((8, 8), (5000, 5000))] * 100),
    "JPEG of no pixels": pack([jpeg((8, 8), (0, 8))]),
    "JPEG of many scans": pack([SCANS]),
    "JPEG cut": pack([jpeg((64, 64))[:200]]),
    "PNG": pack([b"\x89PNG\r\n\x1a\n" + bytes(50)]),
    "JPEGs of two sizes": pack([jpeg((8, 8)), jpeg((9, 8))]),
    "offsets that wrap": pack(
        [jpeg((8, 8))] * 2, offsets=np.array([0, (1 << 63) - 1, 2 * len(jpeg((8, 8)))])
    ),
    "offsets that go back": pack(
        [jpeg((8, 8))] * 2, offsets=np.array([0, -5, len(jpeg((8, 8))) * 2])
    ),
}
"""Builders of files, each of which is refused."""
