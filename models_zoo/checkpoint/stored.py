"""Tensors as a file describes them, before any of their numbers is touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
    "UntypedStorage": "uint8",
}
_QUANTIZED = {f"{name}Storage" for name in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")}

DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("float64", "float32", "float16", "bfloat16", "complex32", "complex64", "complex128"),
        *("int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64", "bool"),
        *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
    )
    if hasattr(torch, name)
}
"""Types whose numbers can be read, by their names in PyTorch."""

DIMENSIONS = 64
"""Dimensions of a tensor at most; PyTorch has the same limit in places."""


class DamagedError(ValueError):
    """A file contradicts itself; the message says where."""


@dataclass(slots=True, eq=False)
class Storage:
    """A run of numbers in a file.

    Attributes:
        dtype: its type, by its name in PyTorch.
        numel: how many numbers it has.
        start: byte of the file at which it begins; -1 while that is not known.
        length: bytes there are of it.
    """

    dtype: str
    numel: int
    start: int = -1
    length: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor in a file: its numbers are those of a storage, taken at a stride.

    Attributes:
        storage: where its numbers are.
        dtype: name of its type in PyTorch.
        offset: of its first number, in numbers.
        shape: its sizes.
        stride: numbers between two neighbors, a dimension.
    """

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def numel(self) -> int:
        """How many numbers it has."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def extent(self) -> int:
        """How many numbers of the storage it reaches over."""
        if self.numel == 0:
            return 0
        steps = zip(self.shape, self.stride, strict=True)
        return 1 + sum((size - 1) * step for size, step in steps)

    def require_inside(self) -> None:
        """Check that it lies within its storage, and its storage within the file.

        Raises:
            DamagedError: it does not.
        """
        width = DTYPES[self.dtype].itemsize
        if self.numel and (self.storage.start < 0 or self.storage.length <= 0):
            raise DamagedError("the numbers of a tensor are missing")
        if (self.offset + self.extent) * width > self.storage.length and self.numel:
            raise DamagedError("a tensor reaches beyond its numbers")

    def view(self, data: bytes, copies: dict[int, Tensor]) -> Tensor:
        """The tensor, over the file's bytes and not to be written to.

        Args:
            data: the file.
            copies: storages that had to be copied because they do not begin at a multiple of
                their numbers' size; shared by all tensors of a file.
        """
        dtype = DTYPES[self.dtype]
        if self.numel == 0:
            return torch.empty(self.shape, dtype=dtype)
        start, length = self.storage.start, self.storage.length
        length -= length % dtype.itemsize
        place = torch.frombuffer(data, dtype=torch.uint8, count=length, offset=start)
        if start % dtype.itemsize:
            if start not in copies or len(copies[start]) < length:
                copies[start] = place.clone()
            place = copies[start][:length]
        return place.view(dtype).as_strided(self.shape, self.stride, self.offset)


@dataclass(frozen=True, slots=True, eq=False)
class Unusable:
    """A tensor that is not a dense array of numbers.

    Attributes:
        kind: what it is, in words, such as ``"a sparse tensor"``.
    """

    kind: str


def storage_dtype(name: str) -> str | None:
    """The type of the numbers of a storage class, such as ``"torch.FloatStorage"``.

    Returns:
        Its name in PyTorch, ``"quantized"``, or ``None`` where this is no such class.
    """
    short = name.rpartition(".")[2]
    return "quantized" if short in _QUANTIZED else _STORAGES.get(short)


def strided(
    storage: object, offset: Any, shape: Any, stride: Any, dtype: str | None = None
) -> Stored | Unusable:
    """The tensor that the arguments of PyTorch's ``_rebuild_tensor_v2`` describe.

    Raises:
        DamagedError: they do not describe one.
    """
    if isinstance(storage, Unusable):
        return storage
    sizes, steps = _counts(shape), _counts(stride)
    if not isinstance(storage, Storage) or len(sizes) != len(steps) or len(sizes) > DIMENSIONS:
        raise DamagedError("a tensor without numbers, or of impossible dimensions")
    if not _is_count(offset):
        raise DamagedError("a tensor begins before its numbers")
    name = storage.dtype if dtype is None else dtype
    if name not in DTYPES:
        return Unusable(f"a tensor of type {name}")
    return Stored(storage, name, offset, sizes, steps)


def contiguous(storage: Storage, dtype: str, shape: tuple[int, ...]) -> Stored:
    """A tensor whose numbers lie one after the other from the beginning of a storage."""
    steps, step = [], 1
    for size in reversed(shape):
        steps.append(step)
        step *= max(size, 1)
    return Stored(storage, dtype, 0, shape, tuple(reversed(steps)))


def _counts(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or not all(map(_is_count, values)):
        raise DamagedError("a tensor has a size that is no count")
    return tuple(values)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62
