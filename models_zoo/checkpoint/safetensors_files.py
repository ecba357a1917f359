"""The header of a safetensors file: names, types, shapes and offsets of its tensors."""

from __future__ import annotations

import json
from typing import Any

from models_zoo.checkpoint.content import Readable
from models_zoo.checkpoint.stored import (
    DIMENSIONS,
    WIDTHS,
    DamagedError,
    Storage,
    Stored,
    Unusable,
    contiguous,
)

HEADER = 32 << 20
"""Maximum number of bytes of a header; the format itself allows 100 MB."""

_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}


def read_safetensors(source: Readable) -> dict[str, Stored | Unusable]:
    """The tensors of a safetensors file, as descriptions, by name.

    Raises:
        DamagedError: the file is inconsistent.
        ValueError: its header is not JSON.
    """
    size = int.from_bytes(source.read(0, 8), "little")
    if source.size < 8 or size > source.size - 8:
        raise DamagedError("its header is longer than the file")
    if size > HEADER:
        raise DamagedError(f"its header has {size:,} bytes, more than {HEADER:,}")
    header = json.loads(source.read(8, size).decode("utf-8"), object_pairs_hook=_once)
    if not isinstance(header, dict):
        raise DamagedError("its header is not an object")
    header.pop("__metadata__", None)
    tensors, places = {}, []
    for name, fields in header.items():
        begin, end = _pair(fields)
        places.append((begin, end))
        tensors[name] = _tensor(fields, 8 + size + begin, end - begin)
    _require_filled(sorted(places), source.size - 8 - size)
    return tensors


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DamagedError("its header has a name twice")
    return found


def _pair(fields: Any) -> tuple[int, int]:
    places = fields.get("data_offsets") if isinstance(fields, dict) else None
    if not isinstance(places, list) or len(places) != 2 or not all(map(_is_count, places)):
        raise DamagedError("its header does not say where a tensor is")
    return places[0], places[1]


def _tensor(fields: dict[str, Any], start: int, length: int) -> Stored | Unusable:
    kind, shape = fields.get("dtype"), fields.get("shape")
    if not isinstance(kind, str) or not isinstance(shape, list) or not all(map(_is_count, shape)):
        raise DamagedError("its header does not say what a tensor is")
    if len(shape) > DIMENSIONS:
        raise DamagedError(f"a tensor has {len(shape):,} dimensions")
    dtype = _TYPES.get(kind)
    if dtype is None or dtype not in WIDTHS:
        return Unusable(f"a tensor of type {kind[:20]}")
    width = WIDTHS[dtype]
    found = contiguous(Storage(dtype, length // width, start, length), dtype, tuple(shape))
    if found.numel * width != length:
        raise DamagedError("a tensor has another size than its shape")
    return found


def _require_filled(places: list[tuple[int, int]], size: int) -> None:
    """Check that the tensors lie one after the other from the first byte to the last."""
    at = 0
    for begin, end in places:
        if begin != at or end < begin:
            raise DamagedError("its tensors overlap, or something lies between them")
        at = end
    if at != size:
        raise DamagedError(f"it has {size:,} bytes of numbers where its header says {at:,}")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62
