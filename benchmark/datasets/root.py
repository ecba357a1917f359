"""The folder that data sets are kept in; to name it imports nothing that reads them."""

from __future__ import annotations

import os
from pathlib import Path

ROOT_VARIABLE = "NONSINGULAR_DATA"
"""Environment variable for the folder of data sets."""


def default_root() -> Path:
    """The folder of :data:`ROOT_VARIABLE`, or ``~/.cache/nonsingular``."""
    return Path(os.environ.get(ROOT_VARIABLE) or Path.home() / ".cache" / "nonsingular")
