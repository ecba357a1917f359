"""The precision of float32 products: full while the suite computes, restored afterwards.

PyTorch has two interfaces to it. The old one has two values,
``torch.get_float32_matmul_precision()`` and ``torch.backends.cudnn.allow_tf32``. The new one, since
2.9, has a value per backend and operation; one that is ``"none"`` is inherited from the backend,
and the backend's from ``torch.backends.fp32_precision``. Reading an old value raises an error where
the new ones contradict it, and writing an old value also writes some of the new ones. Therefore all
are saved and written together. See
https://pytorch.org/docs/main/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

Key = tuple[str, str]
"""A backend and an operation, as in PyTorch."""

_ROOT: Key = ("generic", "all")
_BACKENDS: tuple[Key, ...] = (("cuda", "all"), ("mkldnn", "all"))
_OPERATIONS: tuple[Key, ...] = tuple(
    (backend, operation) for backend, _ in _BACKENDS for operation in ("matmul", "conv", "rnn")
)

_INHERITED = "none"
_FULL = "ieee"
_TF32 = "tf32"

_UNTOUCHED = "untouched"
"""The first value of cuDNN's operations, TF32 unless something is inherited; nothing can write
it."""

_HAS_KEYS = hasattr(torch._C, "_get_fp32_precision_getter")


@dataclass(frozen=True)
class _Precision:
    """All values of both interfaces.

    Attributes:
        matmul: of ``torch.get_float32_matmul_precision()``.
        cudnn_tf32: of ``torch.backends.cudnn.allow_tf32``.
        own: the values of the new interface before inheritance; none in older versions.
    """

    matmul: str
    cudnn_tf32: bool
    own: Mapping[Key, str]


@contextmanager
def full_float32() -> Iterator[None]:
    """Compute float32 products in float32: without TensorFloat-32 and bfloat16.

    The caller's values are restored, and inherited ones are inherited again. One difference
    remains, as after ``torch.backends.cudnn.flags()``: if the caller has set no precision at all,
    TF32 in cuDNN is afterwards a value of its own, which a later ``torch.backends.fp32_precision``
    does not change, but ``torch.backends.cudnn.conv.fp32_precision`` does.
    """
    before = _read()
    try:
        _write(_Precision("highest", False, dict.fromkeys(before.own, _FULL)))
        yield
    finally:
        _write(before)


def _read() -> _Precision:
    """All values; the new ones are others afterwards, and have to be written."""
    if not _HAS_KEYS:
        return _Precision(
            torch.get_float32_matmul_precision(), torch._C._get_cudnn_allow_tf32(), {}
        )
    own = {_ROOT: _get(_ROOT)}
    own |= {key: _own(key, _ROOT) for key in _BACKENDS}
    own |= {key: _own(key, (key[0], "all")) for key in _OPERATIONS}
    for key in (_ROOT, *_BACKENDS):
        _set(key, _INHERITED)
    for key in _OPERATIONS:
        if own[key] == _INHERITED != _get(key):
            own[key] = _UNTOUCHED
    for key in _OPERATIONS:  # with these an old value of cuDNN can be read if it is true
        _set(key, _TF32 if key[0] == "cuda" and key[1] != "matmul" else _FULL)
    try:
        cudnn_tf32 = torch._C._get_cudnn_allow_tf32()
    except RuntimeError:
        cudnn_tf32 = False
    return _Precision(torch.get_float32_matmul_precision(), cudnn_tf32, own)


def _own(key: Key, parent: Key) -> str:
    """The value of a key, which is inherited if it changes with that of its parent."""
    seen = set()
    for value in (_FULL, _TF32):
        _set(parent, value)
        seen.add(_get(key))
    return seen.pop() if len(seen) == 1 else _INHERITED


def _write(precision: _Precision) -> None:
    torch._C._set_cudnn_allow_tf32(precision.cudnn_tf32)
    torch.set_float32_matmul_precision(precision.matmul)
    own = precision.own
    for key, value in own.items():
        if value == _UNTOUCHED:
            inherits = own[_ROOT] != _INHERITED or own[key[0], "all"] != _INHERITED
            value = _INHERITED if inherits else _TF32
        _set(key, value)


def _get(key: Key) -> str:
    return torch._C._get_fp32_precision_getter(*key)


def _set(key: Key, value: str) -> None:
    torch._C._set_fp32_precision_setter(*key, value)
