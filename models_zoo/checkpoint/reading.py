"""Reading weights without executing code from the file."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from models_zoo.checkpoint.content import FileBytes
from models_zoo.checkpoint.inspection import EXTRA, ROOM, chosen_weights, damaged, open_checkpoint
from models_zoo.checkpoint.stored import DamagedError, Unusable
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.torch_modes import fixed_modes


class NonFiniteError(InputError):
    """A weight is NaN or infinite."""


@dataclass(frozen=True)
class Checkpoint:
    """The weights of a file, and what identifies them.

    Attributes:
        file: the file's bytes, which the tensors are views of.
        tensors: by name; as they are stored, and read-only. :func:`finished` turns them into
            weights.
        name: of the set of weights, if the file has several; otherwise ``None``.
        notes: what a user should know about how they were read, one line each.
    """

    file: FileBytes
    tensors: dict[str, Tensor]
    name: str | None = None
    notes: tuple[str, ...] = ()


def read_checkpoint(
    file: str | Path | FileBytes, *, weights: str | None = None, most: int | None = None
) -> Checkpoint:
    """The named tensors of a checkpoint file, as they are stored.

    The file is read once, into our own memory, so that the same bytes are hashed and parsed. Its
    structure and the sizes it states are checked before it is read completely. Nothing is copied,
    unpacked or expanded, so that names and shapes can be compared before memory is allocated for a
    tensor.

    Args:
        file: as for :func:`read_weights`, or content that was read before.
        weights: as for :func:`read_weights`.
        most: maximum number of bytes, as for :func:`models_zoo.checkpoint.content.read_file`.

    Raises:
        InputError: as for :func:`read_weights`, except that weights may be non-finite.
    """
    read = file if isinstance(file, FileBytes) else open_checkpoint(file, weights, most)
    choice = chosen_weights(read.path, read, weights)
    copies: dict[int, Tensor] = {}
    tensors = {}
    try:
        with warnings.catch_warnings(action="ignore"):  # that the bytes must not be written to
            for name, stored in choice.tensors.items():
                if any("\ud800" <= each <= "\udfff" for each in name):
                    raise DamagedError("the name of a tensor has half of a surrogate pair")
                if isinstance(stored, Unusable):
                    raise InputError(
                        f"checkpoint {shown(read.path)} stores {shown(name)} as {stored.kind}; "
                        "save dense floating-point weights"
                    )
                stored.require_inside()
                tensors[name] = stored.view(read.data, copies)
    except (DamagedError, RuntimeError, OverflowError) as error:
        raise damaged(read.path, error) from error
    return Checkpoint(read, tensors, choice.name, choice.notes)


@fixed_modes()
def read_weights(path: str | Path, weights: str | None = None) -> dict[str, Tensor]:
    """The named tensors of a checkpoint file, on the CPU, floating-point ones as float32.

    Safetensors files and files of ``torch.save`` are read. Of the latter, only tensors and plain
    values are built; nothing is imported or run, and a file that names anything but a few inert
    classes is refused. Weights that are stored along with other things are extracted. Float16,
    bfloat16, float8 and float64 weights are converted to float32, the precision in which every
    score is measured.

    Args:
        path: a safetensors file, or a ``.pt``, ``.pth``, ``.ckpt`` or ``.bin`` file of
            ``torch.save``.
        weights: which weights to read if the file holds several sets: ``"raw"`` for the trained
            ones, ``"ema"`` for their moving averages, or the name under which they are stored. By
            default the trained ones.

    Raises:
        InputError: the file is missing, damaged, of another kind, holds anything but tensors, or
            has a weight that is not finite.
    """
    found = read_checkpoint(path, weights=weights)
    called = f"checkpoint {shown(Path(path))}"
    count = sum(each.numel() for each in found.tensors.values())
    if 4 * count > ROOM + EXTRA * found.file.size:
        raise InputError(
            f"{called} describes {count:,} weights in {found.file.size:,} bytes, repeating them; "
            "save contiguous tensors"
        )
    return {name: finished(value, name, called) for name, value in found.tensors.items()}


def finished(value: Tensor, name: str, source: str) -> Tensor:
    """A weight as a network takes it: dense, in its own memory, float32 if floating-point.

    Args:
        value: as stored.
        name: its name, for messages.
        source: name of the file in messages, such as ``"checkpoint a.pt"``.

    Raises:
        InputError: it is complex, sparse or quantized, or has a number that is not finite.
    """
    if value.is_quantized or value.is_complex() or value.layout != torch.strided or value.is_nested:
        raise InputError(
            f"{source} stores {shown(name)} as a quantized, complex or sparse tensor; "
            "save dense floating-point weights"
        )
    if not value.is_floating_point():
        return value.detach().clone(memory_format=torch.contiguous_format)
    value = value.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    if not bool(torch.isfinite(value.flatten()).all()):
        raise NonFiniteError(
            f"{source} has NaN or infinite weights in {shown(name)}; train or save it again"
        )
    return value
