"""RobustBench's networks: classes and functions of its architectures, and models by their id."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import nn

from models_zoo.architectures.arguments import Value
from models_zoo.architectures.shape import Shape
from models_zoo.architectures.sizing import require_size
from models_zoo.errors import InputError, reason_of, shown, unknown_name
from models_zoo.image_sets import IMAGE_SETS

PACKAGE = "robustbench.model_zoo.architectures"
CLASSES = ("num_classes", "n_classes", "nclasses")
"""Names of the constructors' parameter for the number of logits."""


USUAL = ("wide_resnet", "resnet", "resnext")
"""Modules that take precedence for class names that other modules have too."""


def builder(
    name: str, arguments: dict[str, Value], *, classes: int, input_shape: Shape, most: int
) -> Callable[[], nn.Module]:
    """Return a function that builds a network of RobustBench.

    Args:
        name: of a class or function of its architectures, such as ``"WideResNet"`` or
            ``"dm_wide_resnet.DMWideResNet"``, or of one of its models, such as
            ``"Wong2020Fast"``, whose network is meant.
        arguments: of its constructor; a word names a class of its module (``block=BasicBlock``).
        classes: number of logits.
        input_shape: not needed.
        most: maximum number of parameters.

    Raises:
        InputError: RobustBench has no such network.
    """
    homes, makers = _homes(), {} if name in _homes() else _models(classes)
    if name not in homes and name not in makers:
        raise unknown_name("architecture of RobustBench", name, [*homes, *makers])
    if name in makers and arguments:
        raise InputError(
            f"architecture 'robustbench:{name}' is one of its models and takes no arguments; "
            "leave them out"
        )

    def build() -> nn.Module:
        try:
            with warnings.catch_warnings(action="ignore"):
                network = makers[name]() if name in makers else _made(name, arguments, classes)
        except InputError:
            raise
        except (AssertionError, ImportError, RuntimeError, TypeError, ValueError) as error:
            listed = (
                ",".join(f"{key}={value}" for key, value in arguments.items()) or "no arguments"
            )
            raise InputError(
                f"RobustBench cannot build {name!r} with {shown(listed)} ({reason_of(error)}); "
                "check its arguments"
            ) from error
        if not isinstance(network, nn.Module):
            raise InputError(
                f"architecture 'robustbench:{name}' does not build a network; choose another"
            )
        return network

    require_size(f"robustbench:{name}", build, most)
    return build


def _made(name: str, arguments: dict[str, Value], classes: int) -> Any:
    module = import_module(_homes()[name])
    make = getattr(module, name.rpartition(".")[2])
    takes = inspect.signature(make).parameters
    given: dict[str, Any] = {each: classes for each in CLASSES if each in takes}
    for key, value in arguments.items():
        if key not in takes:
            raise unknown_name(f"argument of {name}", key, takes)
        named = getattr(module, value, None) if isinstance(value, str) else None
        given[key] = named if isinstance(named, type) else value
    return make(**given)


@cache
def _homes() -> dict[str, str]:
    """Modules of classes and of functions that make networks, found without importing them.

    If several modules have a class of the same name, the bare name means that of :data:`USUAL`, and
    ``module.Class`` any of them.
    """
    package = find_spec(PACKAGE)
    folders = (package.submodule_search_locations or []) if package is not None else []
    paths = [path for folder in folders for path in sorted(Path(folder).glob("*.py"))]
    homes: dict[str, str] = {}
    for path in sorted(paths, key=lambda path: path.stem not in USUAL):
        for each in ast.parse(path.read_text("utf-8")).body:
            if isinstance(each, ast.ClassDef | ast.FunctionDef) and each.name[0].isupper():
                homes.setdefault(each.name, f"{PACKAGE}.{path.stem}")
                homes[f"{path.stem}.{each.name}"] = f"{PACKAGE}.{path.stem}"
    return homes


@cache
def _models(classes: int) -> dict[str, Callable[[], nn.Module]]:
    """The functions that build the networks of RobustBench's models, by the model's id.

    Models for several data sets may share an id; those with the given number of classes come first.
    """
    with warnings.catch_warnings(action="ignore"):
        from robustbench.model_zoo import model_dicts
    found: dict[str, Callable[[], nn.Module]] = {}
    ordered = sorted(model_dicts, key=lambda each: IMAGE_SETS[each.value].classes != classes)
    for dataset in ordered:
        for threat, models in model_dicts[dataset].items():
            for name, entry in models.items():
                if callable(entry.get("model")):
                    found.setdefault(name, entry["model"])
                    found[f"{dataset.value}/{threat.value}/{name}"] = entry["model"]
    return found
