"""Packages that notebooks use and that are not installed by default."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from models_zoo.errors import InputError


def required(package: str, purpose: str, *, extra: str = "notebook") -> ModuleType:
    """An optional package, imported.

    Args:
        package: its name.
        purpose: what needs it.
        extra: the extra of this project that installs it.

    Raises:
        InputError: it is not installed.
    """
    try:
        return import_module(package)
    except ImportError as error:
        raise InputError(
            f"{purpose} needs {package}, which is not installed; pip install 'nonsingular[{extra}]'"
        ) from error
