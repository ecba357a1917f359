"""The kind of a submitted file, from its content alone: its name is the submitter's.

Nothing is unpacked and nothing imports PyTorch. Of an archive the names of its parts are read, of a
protocol buffer the numbers of its fields.
"""

from __future__ import annotations

import struct

from leaderboard.submissions.kinds import (
    MARKS,
    OTHER_ARCHIVE,
    PARTS,
    PICKLE,
    SAVED_MODEL,
    TENSORFLOW_GRAPH,
    TEXT,
    TEXTS,
    UNKNOWN,
    ZEROS,
    Format,
    Kind,
)
from models_zoo.checkpoint.archive import end_of_directory
from models_zoo.checkpoint.content import Readable
from models_zoo.checkpoint.stored import DamagedError

HEAD = 4096
"""Number of bytes at the beginning that are looked at."""

NAMES = 1 << 20
"""Maximum number of bytes of an archive's directory that are searched for names."""

FIELDS = 64
"""Maximum number of fields of a protocol buffer that are looked at."""

SUFFIXES: dict[Format, tuple[str, ...]] = {
    "safetensors": (".safetensors",),
    "archive": (".pt", ".pth", ".bin", ".ckpt", ".tar"),
    "legacy": (".pt", ".pth", ".bin", ".ckpt", ".tar"),
    "onnx": (".onnx",),
}
"""Usual suffixes of the accepted formats."""

_SAFETENSORS = Kind("safetensors", "safetensors")
_ARCHIVE = Kind("a zip archive of torch.save", "archive")
_LEGACY = Kind("a file of torch.save before PyTorch 1.6", "legacy")
_ONNX = Kind("an ONNX graph", "onnx")

_TORCH_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number with which files of ``torch.save`` before 1.6 begin, after a pickle's first bytes."""

_ONNX_FIELDS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 14, 20, 25, 26))
"""Numbers of the fields of ONNX's ``ModelProto``."""


def kind_of(source: Readable) -> Kind:
    """The kind of a file.

    Args:
        source: its content.
    """
    head = source.read(0, HEAD)
    if not head.strip(b"\0") and head:
        return ZEROS
    for offset, mark, kind in MARKS:
        if head[offset : offset + len(mark)] == mark:
            return kind
    if head.startswith(b"PK"):
        return _archive(source)
    # The length of the header comes first: a number, which unlike text with a brace has zeros.
    if head[8:9] == b"{" and b"\0" in head[:8]:
        return _SAFETENSORS
    if head.startswith(b"\x80"):
        return _LEGACY if _TORCH_MAGIC in head[:32] else PICKLE
    text = head.lstrip().lower()
    for mark, kind in TEXTS:
        if text.startswith(mark):
            return kind
    return _message(source) or _plain(head)


def _archive(source: Readable) -> Kind:
    """The kind of a zip archive, from the names in its directory."""
    try:
        _, start, size = end_of_directory(source)
    except (DamagedError, struct.error):
        return _ARCHIVE  # its reader says what is wrong
    directory = source.read(start, min(size, NAMES)).decode("latin-1")
    if "data.pkl" not in directory or "/code/" in directory or "constants.pkl" in directory:
        for mark, kind in PARTS:
            if mark in directory:
                return kind
        if "data.pkl" not in directory and size:
            return OTHER_ARCHIVE
    return _ARCHIVE


def _message(source: Readable) -> Kind | None:
    """The kind of a protocol buffer, from the numbers of its fields; ``None`` if it is not one."""
    fields: list[tuple[int, int]] = []
    at = 0
    try:
        while at < source.size and len(fields) < FIELDS:
            head = source.read(at, 20)
            tag, used = _varint(head)
            number, form = tag >> 3, tag & 7
            size = {1: 8, 5: 4}.get(form, 0)
            if form in (0, 2):
                value, more = _varint(head[used:])
                used += more
                size = value if form == 2 else 0
            elif form not in (1, 5):
                return None
            if number == 0 or at + used + size > source.size:
                # A truncated graph is still a graph, and its reader says that it is truncated.
                return _ONNX if number == 7 and fields and fields[0] == (1, 0) else None
            fields.append((number, form))
            at += used + size
    except ValueError:
        return None
    numbers = {number for number, _ in fields}
    if (7, 2) in fields and numbers <= _ONNX_FIELDS:
        return _ONNX
    if fields[:1] == [(1, 0)] and numbers <= {1, 2} and (2, 2) in fields:
        return SAVED_MODEL
    if fields[:1] == [(1, 2)] and numbers <= {1, 2, 3, 4, 5}:
        return TENSORFLOW_GRAPH
    return None


def _varint(data: bytes) -> tuple[int, int]:
    """A variable-length number, and the bytes it takes.

    Raises:
        ValueError: it does not end.
    """
    value = 0
    for place, byte in enumerate(data[:10]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, place + 1
    raise ValueError("a number does not end")


def _plain(head: bytes) -> Kind:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return UNKNOWN
        text = head[: error.start].decode("utf-8")
    readable = all(each.isprintable() or each in "\r\n\t" for each in text)
    return TEXT if readable else UNKNOWN
