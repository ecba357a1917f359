"""Writing weights atomically."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from models_zoo.errors import InputError

if TYPE_CHECKING:
    from torch import nn

_NAMED = 50
"""Maximum number of characters of a file's name in the name of its temporary file."""


def save_weights(network: nn.Module, path: str | Path) -> None:
    """Write a network's state dict as safetensors, atomically.

    The bytes depend on nothing but the state dict, so equal weights give equal files.

    Raises:
        InputError: the file cannot be written.
    """
    from safetensors.torch import save

    weights = {name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}
    write_bytes(Path(path), save(weights))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically, through a temporary file in the same folder.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:_NAMED]}.")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _umask() -> int:
    """The umask of this process, which temporary files do not follow."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
