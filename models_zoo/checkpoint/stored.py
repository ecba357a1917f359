"""Tensors as a file describes them, before any of their numbers is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

WIDTHS: dict[str, int] = {
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32", "complex32"), 4),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 2),
    **dict.fromkeys(("int8", "uint8", "bool"), 1),
    **dict.fromkeys(("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"), 1),
    "float8_e8m0fnu": 1,
    "complex128": 16,
}
"""Bytes per value of the supported number types, by their names in PyTorch.

PyTorch itself is imported only where a tensor is made, so that a file can be refused without it."""

DIMENSIONS = 64
"""Maximum number of dimensions of a tensor; parts of PyTorch have the same limit."""


class DamagedError(ValueError):
    """A file is damaged or inconsistent; the message says where."""


@dataclass(slots=True, eq=False)
class Storage:
    """A contiguous sequence of numbers in a file.

    Attributes:
        dtype: name of its type in PyTorch.
        numel: number of values.
        start: offset in the file, in bytes; -1 while that is unknown.
        length: number of bytes.
    """

    dtype: str
    numel: int
    start: int = -1
    length: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A tensor in a file: a strided view of a storage.

    Attributes:
        storage: contains its numbers.
        dtype: name of its type in PyTorch.
        offset: of its first value in the storage, in values.
        shape: its sizes.
        stride: per dimension, the distance between two neighbors, in values.
    """

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def numel(self) -> int:
        """Number of values."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def extent(self) -> int:
        """Number of values of the storage from its first to its last."""
        if self.numel == 0:
            return 0
        steps = zip(self.shape, self.stride, strict=True)
        return 1 + sum((size - 1) * step for size, step in steps)

    def require_inside(self) -> None:
        """Check that it lies within its storage, and its storage within the file.

        Raises:
            DamagedError: it does not.
        """
        width = WIDTHS[self.dtype]
        if self.numel and (self.storage.start < 0 or self.storage.length <= 0):
            raise DamagedError("the numbers of a tensor are missing")
        if (self.offset + self.extent) * width > self.storage.length and self.numel:
            raise DamagedError("a tensor reaches beyond its numbers")

    def view(self, data: bytes, copies: dict[int, Tensor]) -> Tensor:
        """The tensor, as a read-only view of the file's bytes.

        Args:
            data: the file.
            copies: storages that had to be copied because their offset is not a multiple of the
                size of their values; shared by all tensors of a file.
        """
        import torch

        dtype = getattr(torch, self.dtype, None)
        if dtype is None:
            raise DamagedError(f"this version of PyTorch has no type {self.dtype}")
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
    """A tensor that cannot be used, because it is not a dense array of numbers.

    Attributes:
        kind: what it is, in words, such as ``"a sparse tensor"``.
    """

    kind: str


def storage_dtype(name: str) -> str | None:
    """The type of the numbers of a storage class, such as ``"torch.FloatStorage"``.

    Returns:
        Its name in PyTorch, ``"quantized"``, or ``None`` if it is not such a class.
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
    if name not in WIDTHS:
        return Unusable(f"a tensor of type {name}")
    return Stored(storage, name, offset, sizes, steps)


def contiguous(storage: Storage, dtype: str, shape: tuple[int, ...]) -> Stored:
    """A contiguous tensor at the beginning of a storage."""
    steps, step = [], 1
    for size in reversed(shape):
        steps.append(step)
        step *= max(size, 1)
    return Stored(storage, dtype, 0, shape, tuple(reversed(steps)))


def _counts(values: Any) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or not all(map(_is_count, values)):
        raise DamagedError("a tensor has a size that is not a count")
    return tuple(values)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62
