"""Exact encodings: JSON that is valid even with infinities, and outcomes as bits."""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import Any

import numpy as np
from pydantic_core import from_json

from benchmark.results import Outcomes

_MARK = "$float"
"""Key of the one-entry object that encodes a number without a JSON literal."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def dumps(value: Any) -> str:
    """JSON text of plain data; infinities and NaN become objects such as ``{"$float": "inf"}``.

    Python's own ``Infinity`` literal is not JSON: other readers and PostgreSQL refuse it. Lone
    surrogates, as in a file's name that is not UTF-8, are replaced.
    """
    text = json.dumps(_mark(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def loads(text: str | bytes) -> Any:
    """Inverse of :func:`dumps`: every float is restored exactly."""
    marked = _MARK in text if isinstance(text, str) else _MARK.encode() in text
    if not marked:  # few texts contain an infinity
        with suppress(ValueError):  # a lone surrogate, which only the slower parser reads
            return from_json(text)
    return json.loads(text, object_hook=_unmark if marked else None)


def _mark(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _mark(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mark(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {_MARK: str(value)}
    return value


def _unmark(value: dict[str, Any]) -> Any:
    return float(value[_MARK]) if value.keys() == {_MARK} else value


def pack(outcomes: Outcomes) -> bytes:
    """Bool (N,) as ceil(N / 8) bytes, first example in the highest bit."""
    return np.packbits(outcomes).tobytes()


def unpack(bits: bytes, n: int) -> Outcomes:
    """Bool (n,) from :func:`pack`'s bytes.

    Raises:
        ValueError: their number does not fit the number of outcomes.
    """
    require_packed(bits, n)
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=n).astype(bool)


def require_packed(bits: bytes, n: int) -> None:
    """Check that bytes contain ``n`` outcomes; numpy would fill up with zeros.

    Raises:
        ValueError: they do not.
    """
    fits = type(n) is int and n >= 0 and isinstance(bits, bytes) and len(bits) == -(-n // 8)
    if not fits or (n % 8 and bits[-1] & (0xFF >> n % 8)):
        raise ValueError(f"its outcomes are not those of {n} examples")
