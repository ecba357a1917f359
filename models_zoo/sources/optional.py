"""Packages that only some sources need."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from models_zoo.errors import InputError


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """A module of an optional package.

    Args:
        module: its name, such as ``"onnx2torch"``.
        extra: the extra of this package that installs it.
        purpose: what needs it, such as ``"ONNX files"``.

    Raises:
        InputError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(
            f"{purpose} need the package {error.name or module}; "
            f"run pip install 'nonsingular[{extra}]'"
        ) from error
