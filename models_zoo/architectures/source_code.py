"""Architectures built by a Python file, ``net.py:make``, which is run only if it is trusted."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

from torch import nn

from models_zoo.architectures.arguments import parse_call
from models_zoo.architectures.shape import Shape
from models_zoo.checkpoint.content import read_file
from models_zoo.errors import InputError, reason_of, shown

_FORM = re.compile(r"(?P<file>.+\.py):(?P<factory>[A-Za-z_]\w*)(?P<rest>\?.*)?")

_LARGEST = 16 << 20
"""Maximum number of bytes of a file of code."""

CLASSES = ("classes", "num_classes", "n_classes", "nclasses")
"""Names of a factory's parameter for the number of logits."""


def is_code(name: str) -> bool:
    """Whether a name has the form ``FILE.py:FACTORY``, with or without arguments."""
    return _FORM.fullmatch(name) is not None


def name_on_card(name: str) -> str:
    """The name of such an architecture on a card: the file without its folder, and the code's hash.

    Raises:
        InputError: the file cannot be read.
    """
    file, rest = Path(name.rpartition(".py:")[0] + ".py"), name.rpartition(".py:")[2]
    digest = hashlib.sha256(_text(file)).hexdigest()
    return f"{file.name}:{rest}@{digest[:12]}"


def build_from_code(
    name: str, *, classes: int, input_shape: Shape, trust: bool
) -> Callable[[], nn.Module]:
    """Return a function that builds a network by running a file of code.

    Args:
        name: ``FILE.py:FACTORY``, optionally with ``?key=value`` arguments. The factory is called
            with them, and with the number of classes and ``input_shape`` if it has parameters of
            these names.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.
        trust: whether it may be run.

    Raises:
        InputError: it is not trusted, in which case the file is not read, or it cannot be run.
    """
    if not trust:
        raise InputError(
            f"architecture {shown(name)} is refused: it runs a file of code; "
            "add --trust (trust=True) if you know what is in it"
        )
    found = _FORM.fullmatch(name)
    if found is None:
        raise InputError(f"architecture {shown(name)} is not FILE.py:FACTORY")
    path, factory = Path(found["file"]), found["factory"]
    arguments = parse_call(factory + (found["rest"] or "")).arguments
    module = _module(path)
    make = getattr(module, factory, None)
    if not callable(make):
        raise InputError(f"{shown(str(path))} has no class or function {factory!r}")

    def build() -> nn.Module:
        takes = inspect.signature(make).parameters
        given: dict[str, Any] = {each: classes for each in CLASSES if each in takes}
        if "input_shape" in takes:
            given["input_shape"] = input_shape
        try:
            network = make(**(given | arguments))
        except (Exception, SystemExit) as error:  # the code of a user fails in its own ways
            raise InputError(
                f"architecture {shown(name)} failed ({type(error).__name__}: {reason_of(error)})"
            ) from error
        if not isinstance(network, nn.Module):
            kind = type(network).__name__
            raise InputError(f"architecture {shown(name)} gives a {kind}, not a torch.nn.Module")
        return network

    return build


def _module(path: Path) -> Any:
    content = _text(path)
    loader = SourceFileLoader(f"nonsingular_code_{hashlib.sha256(content).hexdigest()}", str(path))
    spec = spec_from_loader(loader.name, loader)
    if spec is None:
        raise InputError(f"{shown(str(path))} cannot be loaded as Python")
    module = module_from_spec(spec)
    try:
        exec(compile(content, str(path), "exec"), module.__dict__)  # noqa: S102  (--trust was given)
    except (Exception, SystemExit) as error:  # the code of a user fails in its own ways
        raise InputError(
            f"{shown(str(path))} cannot be run ({type(error).__name__}: {reason_of(error)})"
        ) from error
    return module


def _text(path: Path) -> bytes:
    return read_file(path, kind="code", most=_LARGEST).data
