"""Estimating the memory of a parsed ONNX file from its bytes alone.

Parsing two bytes of a file can create a message of a hundred bytes, so that a file within the size
limit could fill the memory of any machine before it is examined.
"""

from __future__ import annotations

from typing import Any

from models_zoo.errors import InputError

FIELDS = 1_000_000
"""Maximum number of fields of all messages of a file; a large network has a hundred thousand."""

PACKED = 2**26
"""Maximum number of bytes in lists of variable-length integers, each of which takes eight in
memory."""

DEPTH = 24
"""Maximum nesting depth of messages."""

_DAMAGED = "is truncated or not an ONNX file; download or export it again"
_FIXED = {1: 8, 5: 4}


def require_moderate(content: bytes, kind: Any) -> None:
    """Refuse a file whose messages would take far more memory than the file.

    Args:
        content: the bytes of the file.
        kind: the descriptor of its message.

    Raises:
        InputError: there are too many messages, or they are truncated.
    """
    fields = packed = 0
    waiting = [(0, len(content), kind, 0)]
    while waiting:
        start, end, kind, depth = waiting.pop()
        while start < end:
            fields += 1
            tag, start = _number(content, start, end)
            form = tag & 7
            size = _FIXED.get(form, 0)
            if form == 0:
                _, start = _number(content, start, end)
            elif form == 2:
                size, start = _number(content, start, end)
            elif form not in _FIXED:
                raise InputError(_DAMAGED)
            if start + size > end:
                raise InputError(_DAMAGED)
            if form == 2:
                known = kind.fields_by_number.get(tag >> 3)
                if known is not None and known.message_type is not None:
                    waiting.append((start, start + size, known.message_type, depth + 1))
                elif known is not None and known.cpp_type not in _UNPACKED:
                    packed += size
            start += size
            if fields > FIELDS or packed > PACKED or depth > DEPTH:
                raise InputError(
                    f"has more than {FIELDS} fields, {DEPTH} levels or {PACKED >> 20} MiB of lists "
                    "of integers; a network keeps its weights in raw_data and has far fewer"
                )


_UNPACKED = frozenset((5, 6, 9))
"""Types whose lists take the same memory as in the file: doubles, floats, strings."""


def _number(content: bytes, start: int, end: int) -> tuple[int, int]:
    """A variable-length number, and the position after it."""
    value = shift = 0
    while start < end and shift < 64:
        byte = content[start]
        value |= (byte & 127) << shift
        start += 1
        if byte < 128:
            return value, start
        shift += 7
    raise InputError(_DAMAGED)
