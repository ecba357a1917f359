"""Where models come from; one module per source, behind one :func:`load_model`.

Models of the zoo have a card in the catalog, whose ``source`` says where their checkpoint is.
Foreign models are named ``<source>:<path>``; the module of their source describes and loads them.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from models_zoo.card import UNKNOWN_DATASET, Card
from models_zoo.catalog import load_card
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError
from models_zoo.methods import is_method, method_card
from models_zoo.sources.bundled import bundled_file
from models_zoo.sources.downloaded import downloaded_file
from models_zoo.sources.encoders import classifier_on_encoder, encoder_of
from models_zoo.sources.file import classifier_from_file, load_file
from models_zoo.sources.installed import installed_file, missing_package
from models_zoo.sources.program import FORMATS
from models_zoo.sources.reference import Reference, parse_reference
from models_zoo.torch_modes import fixed_modes
from models_zoo.training_method import TrainingMethod

__all__ = [
    "dataset_of",
    "describe_model",
    "load_file",
    "load_model",
    "missing_package",
    "parse_reference",
]

_LOCATE = {"bundled": bundled_file, "installed": installed_file, "downloaded": downloaded_file}


class ForeignSource(Protocol):
    """The interface of the module of a source of foreign models."""

    def describe(self, reference: Reference) -> Card:
        """The model's card, without its weights."""
        ...

    def load(self, reference: Reference, *, trust: bool = False) -> Classifier:
        """The model; ``trust`` lets a file run code."""
        ...


_HOMES = {
    "file": "models_zoo.sources.file",
    "hf-hub": "models_zoo.sources.hf_hub",
    "robustbench": "models_zoo.sources.robustbench",
    "timm": "models_zoo.sources.timm",
    "torchvision": "models_zoo.sources.torchvision",
}
"""Modules of foreign sources, imported when one is asked for: their libraries are large."""


@fixed_modes()
def load_model(name: str, *, trust: bool = False) -> Classifier:
    """A model by name, with its normalization inside and a card.

    Args:
        name: one of :func:`models_zoo.list_models` or, for a training method, of
            :func:`models_zoo.methods.list_methods`, or ``robustbench:<dataset>/<threat>/<name>``,
            ``torchvision:<name>``, ``timm:<name>``, ``hf-hub:<repository>``, ``file:<path>`` or the
            path of an ``.onnx`` file; see ``docs/zoo.md`` for examples.
        trust: whether a ``.pt2`` file may be loaded, which can execute code.

    Raises:
        InputError: there is no such model, its checkpoint is missing or was changed, or a package
            that it needs is not installed.
    """
    reference = parse_reference(name)
    if reference is not None:
        return _source(reference).load(reference, trust=trust)
    if is_method(name):
        return _method(method_card(name))
    card = load_card(name)
    if card.source not in _LOCATE:
        raise InputError(
            f"model {shown(name)} has source {shown(card.source)}, which the zoo cannot read"
        )
    with _LOCATE[card.source](card) as path:
        if card.source == "installed" and encoder_of(card.architecture) is not None:
            return classifier_on_encoder(path, card)
        return classifier_from_file(path, card)


def _method(card: Card) -> TrainingMethod:
    needed = missing_package(card)
    if needed is not None:
        raise InputError(f"training method {shown(card.name)} needs {needed}")
    return TrainingMethod(card)


@fixed_modes()
def describe_model(name: str) -> Card:
    """The card of a model, of the zoo or foreign, without loading its weights.

    Args:
        name: as :func:`load_model`.

    Raises:
        InputError: there is no such model, or its description is in its weights alone.
    """
    reference = parse_reference(name)
    if is_method(name):
        return method_card(name)
    return load_card(name) if reference is None else _source(reference).describe(reference)


def dataset_of(name: str) -> str:
    """The data set a model was trained for, without loading it; ``"unknown"`` if not stated.

    Args:
        name: as :func:`load_model`.

    Raises:
        InputError: there is no such model.
    """
    reference = parse_reference(name)
    if reference is not None and "dataset" in reference.options:
        return reference.options["dataset"]
    if reference is not None and Path(reference.path).suffix.lower() in FORMATS:
        return UNKNOWN_DATASET
    return describe_model(name).dataset


def _source(reference: Reference) -> ForeignSource:
    with warnings.catch_warnings(action="ignore"):  # from code that the library uses itself
        return cast("ForeignSource", import_module(_HOMES[reference.source]))
