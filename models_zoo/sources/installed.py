"""Checkpoints that are part of another installed package, and methods that need one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from models_zoo.card import Card
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.methods import package_for
from models_zoo.sources.encoders import Encoder, encoder_of


@contextmanager
def installed_file(card: Card) -> Iterator[Path]:
    """A file of another installed package, which is not imported.

    It is the card's checkpoint, ``<package>/<path>``, or the encoder that the model is built on.

    Raises:
        InputError: the card names no checkpoint, or the package or its file is missing.
    """
    file = _file_of(card)
    if "/" not in file:
        raise InputError(f"the card of model {shown(card.name)} names no checkpoint in a package")
    path = package_file(file)
    if path is None:
        raise InputError(f"model {shown(card.name)} needs {missing_package(card)}")
    yield path


def missing_package(card: Card) -> str | None:
    """What a model needs that is not installed, and how to install it; ``None`` if nothing.

    Args:
        card: of any model, of which those of other sources than ``"installed"`` need no package,
            or of a training method.
    """
    needed = package_for(card)
    if needed is not None:
        absent = find_spec(needed) is None
        return f"the package {needed}; run pip install 'nonsingular[{needed}]'" if absent else None
    file = _file_of(card)
    if card.source != "installed" or "/" not in file or package_file(file) is not None:
        return None
    encoder = encoder_of(card.architecture)
    package, _, inner = file.partition("/")
    if encoder is None:
        return f"{inner} of the package {package}; run 'pip install {package}'"
    return encoder.advice


def encoder_file(encoder: Encoder, file: str) -> Path:
    """A file of the package of an encoder, which is not imported.

    Args:
        encoder: the encoder.
        file: ``<package>/<path>``.

    Raises:
        InputError: the package is not installed.
    """
    path = package_file(file)
    if path is None:
        raise InputError(f"the encoder needs {encoder.advice}")
    return path


def _file_of(card: Card) -> str:
    """``<package>/<path>`` of what a card needs from another package."""
    encoder = encoder_of(card.architecture)
    return encoder.file if encoder is not None else card.checkpoint or ""


def package_file(file: str) -> Path | None:
    """A file of an installed package, which is not imported; ``None`` if there is none.

    Args:
        file: ``<package>/<path>``.
    """
    package, _, inner = file.partition("/")
    spec = find_spec(package)
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / inner
        if path.is_file():
            return path
    return None
