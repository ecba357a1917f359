"""An unfinished training run on disk: everything needed to resume it, in one file."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError

Identity = Mapping[str, str | int | float | bool]
"""Everything that determines the result of a training run, by name."""


def save_state(path: Path, identity: Identity, state: Mapping[str, Any]) -> None:
    """Write the state of a training run atomically.

    Args:
        path: file of ``torch.save``.
        identity: of the training run.
        state: tensors and plain values, nested in dicts and lists.

    Raises:
        InputError: the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save({"identity": dict(identity), "state": dict(state)}, buffer)
    write_bytes(path, buffer.getvalue())


def load_state(path: Path, identity: Identity) -> dict[str, Any] | None:
    """The state that :func:`save_state` wrote; ``None`` if there is no file.

    Raises:
        InputError: the file is damaged, or is that of another training run.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        known, state = dict(content["identity"]), dict(content["state"])
    except Exception as error:  # a damaged file can fail anywhere in the reader
        raise InputError(
            f"{path} is not the state of an unfinished training; delete it to start anew"
        ) from error
    other = [
        f"{key} = {known.get(key)!r} where this one has {value!r}"
        for key, value in identity.items()
        if known.get(key) != value
    ]
    if other or known.keys() != dict(identity).keys():
        what = other[0] if other else "settings this version does not know"
        raise InputError(
            f"{path} holds an unfinished training with {what}; finish it with its own settings, "
            "or delete the file to start anew"
        )
    return state


def digest(images: Tensor, labels: Tensor) -> str:
    """SHA-256 of the shapes and bytes of images (N, C, H, W) and labels (N,)."""
    total = hashlib.sha256()
    for tensor in (images, labels):
        total.update(f"{tuple(tensor.shape)}|".encode())
        total.update(tensor.detach().cpu().contiguous().numpy().data)
    return total.hexdigest()
