"""The folder that data sets are kept in; to name it imports nothing that reads them."""

from __future__ import annotations

import os
from pathlib import Path

ROOT_VARIABLE = "NONSINGULAR_DATA"
"""Environment variable for the folder of data sets."""

_named: Path | None = None
"""The folder that was named last in this process, such as by ``--data-root``."""


def default_root() -> Path:
    """The folder of :data:`ROOT_VARIABLE`, or ``~/.cache/nonsingular``."""
    return Path(os.environ.get(ROOT_VARIABLE) or Path.home() / ".cache" / "nonsingular")


def use_root(root: Path | None) -> None:
    """Name the folder for what is read later than the examples, such as corrupted images.

    Args:
        root: the folder; ``None`` for the default one.
    """
    global _named

    _named = None if root is None else Path(root).absolute()


def data_root() -> Path:
    """The folder that was named last, or the default one."""
    return _named or default_root()
