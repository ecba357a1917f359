"""Reading weights without ever running what a file may carry."""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file as load_safetensors
from torch import Tensor

from models_zoo.checkpoint.formats import detect_format
from models_zoo.errors import InputError, reason_of

NESTINGS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
"""Keys under which training scripts keep the weights beside other things, in order."""


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The named tensors of a checkpoint file, on the CPU, floating-point ones as float32.

    Safetensors files and files of ``torch.save`` are read, the latter through
    ``torch.load(weights_only=True)``, which builds tensors and plain values and runs nothing.
    Weights nested under one of :data:`NESTINGS` are taken out. Float16, bfloat16 and float64
    weights are converted to float32, the precision in which every score is measured.

    Args:
        path: a safetensors file, or a ``.pt``, ``.pth`` or ``.bin`` file of ``torch.save``.

    Raises:
        InputError: the file is missing, damaged, of another kind, holds anything but tensors, or
            has a weight that is not finite.
    """
    path = Path(path)
    read = _read_safetensors if detect_format(path) == "safetensors" else _read_torch
    return {name: _checked(path, name, value) for name, value in read(path).items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        weights: dict[str, Tensor] = load_safetensors(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"checkpoint {path} is truncated or not a safetensors file ({reason_of(error)}); "
            "download or save it again"
        ) from error
    if not weights:
        raise InputError(f"checkpoint {path} holds no tensors")
    return weights


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        with warnings.catch_warnings(action="ignore"):  # what matters is raised below, in one line
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file can fail anywhere in the reader
        unsafe = _unsafe_globals(path)
        if not unsafe:
            raise InputError(
                f"checkpoint {path} is truncated or damaged ({reason_of(error)}); "
                "download or save it again"
            ) from error
        raise InputError(
            f"checkpoint {path} is refused: it is a pickle that holds more than tensors "
            f"({', '.join(unsafe[:3])}{', ...' if len(unsafe) > 3 else ''}) and was not loaded; "
            "save model.state_dict() alone"
        ) from error
    return _named_tensors(path, content)


def _unsafe_globals(path: Path) -> list[str]:
    """Names that a refused pickle asks for beyond those of weights; nothing is loaded."""
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except Exception:  # not a zip archive: a bare pickle, or one of torch.save's old format
        return sorted(name for name in _pickled_globals(path) if not _is_harmless(name))


def _is_harmless(name: str) -> bool:
    return name.startswith("torch.") or name == "collections.OrderedDict"


def _pickled_globals(path: Path) -> set[str]:
    names: set[str] = set()
    strings: list[str] = []
    try:
        with path.open("rb") as stream:
            for _ in range(5):  # the old format has five pickles, then raw numbers
                for opcode, argument, _position in pickletools.genops(stream):
                    if opcode.name in ("GLOBAL", "INST"):
                        names.add(str(argument).replace(" ", "."))
                    elif opcode.name == "STACK_GLOBAL":
                        names.add(".".join(strings[-2:]))
                    elif isinstance(argument, str):
                        strings.append(argument)
    except Exception:  # the end of the file, or of what is a pickle in it
        return names
    return names


def _named_tensors(path: Path, content: object) -> dict[str, Tensor]:
    for key in NESTINGS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content:
        raise InputError(
            f"checkpoint {path} holds a {type(content).__name__}, not named tensors; "
            "save model.state_dict()"
        )
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise InputError(
                f"checkpoint {path} holds a {type(value).__name__} at {name!r} where a tensor "
                "should be; save model.state_dict() alone"
            )
    return dict(content)


def _checked(path: Path, name: str, value: Tensor) -> Tensor:
    if value.is_quantized or value.is_complex() or value.layout != torch.strided:
        raise InputError(
            f"checkpoint {path} stores {name!r} as a quantised, complex or sparse tensor; "
            "save dense floating-point weights"
        )
    if not value.is_floating_point():
        return value.detach()
    value = value.detach().to(torch.float32)
    if not bool(torch.isfinite(value).all()):
        raise InputError(
            f"checkpoint {path} has NaN or infinite weights in {name!r}; train or save it again"
        )
    return value
