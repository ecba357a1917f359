"""Checkpoint files: reading them safely, fitting them to a network, writing them.

Names are imported on first use, so that a file can be inspected without importing PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models_zoo.checkpoint.content import FileBytes, read_file, sha256_file
    from models_zoo.checkpoint.fitting import fit_weights
    from models_zoo.checkpoint.reading import Checkpoint, read_checkpoint, read_weights
    from models_zoo.checkpoint.writing import save_weights

__all__ = [
    "Checkpoint",
    "FileBytes",
    "fit_weights",
    "read_checkpoint",
    "read_file",
    "read_weights",
    "save_weights",
    "sha256_file",
]

_HOMES = {
    "content": ("FileBytes", "read_file", "sha256_file"),
    "fitting": ("fit_weights",),
    "reading": ("Checkpoint", "read_checkpoint", "read_weights"),
    "writing": ("save_weights",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public object ``name``, imported from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
