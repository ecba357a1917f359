"""Pretrained models of timm: ``timm:<name>``, such as ``timm:resnet18.a1_in1k``.

Mean, standard deviation, image size and classes are those of timm's pretrained configuration;
``?file=`` reads a file instead of downloading.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
from timm.data import DEFAULT_CROP_PCT
from torch import nn

from models_zoo.card import UNKNOWN_DATASET, Card
from models_zoo.checkpoint import Checkpoint, fit_weights, read_checkpoint
from models_zoo.checkpoint.fitting import Fit
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError, reason_of, shown, unknown_name
from models_zoo.preprocessing import Preprocessing
from models_zoo.sources.description import make_card
from models_zoo.sources.hf_hub import fetch_weights
from models_zoo.sources.normalization import settle
from models_zoo.sources.reference import Reference

IMAGENET_CLASSES = 1000
OPTIONS = ("file",)

LOADING = frozenset(
    ("cache_dir", "checkpoint_path", "pretrained", "pretrained_cfg", "pretrained_cfg_overlay")
)
"""Arguments of ``timm.create_model`` about files rather than the network."""


def describe(reference: Reference) -> Card:
    """The card of a pretrained model of timm; its weights are not needed.

    Raises:
        InputError: there is no such model, or it has no weights.
    """
    reference.require_known(OPTIONS)
    settings = _settings(reference.path)
    return make_card(
        name=reference.name,
        source="timm",
        architecture=f"timm:{settings.architecture}",
        dataset="imagenet" if settings.num_classes == IMAGENET_CLASSES else UNKNOWN_DATASET,
        classes=settings.num_classes,
        input_shape=tuple(settings.input_size),
        mean=tuple(settings.mean),
        std=tuple(settings.std),
        checkpoint=settings.hf_hub_id or settings.url,
        licence=settings.license,
        preprocessing=preprocessing_of(vars(settings)),
    )


def preprocessing_of(settings: Mapping[str, Any]) -> Preprocessing | None:
    """The preprocessing of images for a model of timm, from its pretrained configuration.

    ``None`` if :class:`Preprocessing` cannot describe it.
    """
    _, height, width = settings["input_size"]
    mode, interpolation = settings.get("crop_mode", "center"), settings.get("interpolation")
    if height != width or mode not in ("center", "squash"):
        return None
    return Preprocessing(
        resize=math.floor(height / (settings.get("crop_pct") or DEFAULT_CROP_PCT)),
        crop=height,
        interpolation=interpolation or "bicubic",
        squash=mode == "squash",
    )


def load(reference: Reference, *, trust: bool = False) -> Classifier:
    """A pretrained model of timm.

    Raises:
        InputError: there is no such model, or its weights cannot be read or do not fit.
    """
    card = describe(reference)
    found: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    if (path := _file(reference)) is not None:
        read = read_checkpoint(path)
        network, fit = read_network(reference.path, read, channels=card.input_shape[0])
        called = f"checkpoint {shown(path)}"
        card = settle(card, fit.normalization, stated=True, source=called)
        notes = (*read.notes, *fit.notes)
        found["sha256"] = read.file.sha256
    else:
        network = _download(reference, str(card.checkpoint))
    found["parameters"] = sum(each.numel() for each in network.parameters())
    return Classifier(network, card.model_copy(update=found), notes)


def read_network(
    architecture: str, read: Checkpoint, *, channels: int = 3, **arguments: Any
) -> tuple[nn.Module, Fit]:
    """A network of timm with weights from a file, read safely.

    Args:
        architecture: name of a model of timm.
        read: what :func:`models_zoo.checkpoint.read_checkpoint` found in the file.
        channels: of an image.
        arguments: of its constructor, other than the defaults.

    Returns:
        The network, and how its weights were changed to fit.

    Raises:
        InputError: the file cannot be read or does not fit.
    """
    if not timm.is_model(architecture.partition(".")[0]):
        raise unknown_name("architecture of timm", architecture, timm.list_models())
    if reading := LOADING & arguments.keys():
        raise InputError(
            f"a configuration for {shown(architecture)} may not set "
            f"{', '.join(sorted(reading))}: that "
            "makes timm read other files; remove it"
        )
    try:
        network: nn.Module = timm.create_model(architecture, pretrained=False, **arguments)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(
            f"timm cannot build {shown(architecture)} with {arguments} ({reason_of(error)}); "
            "check the arguments in the model's configuration"
        ) from error
    source = f"checkpoint {shown(read.file.path)}"
    return network, fit_weights(network, read.tensors, source=source, channels=channels)


def _file(reference: Reference) -> Path | None:
    """The weights as a file; ``None`` if timm has to convert what it downloads."""
    if (given := reference.text("file")) is not None:
        return Path(given)
    settings = _settings(reference.path)
    if settings.hf_hub_id is None or settings.hf_hub_filename or settings.custom_load:
        return None
    return fetch_weights(reference.name, str(settings.hf_hub_id))


def _download(reference: Reference, home: str) -> nn.Module:
    try:
        network: nn.Module = timm.create_model(reference.path, pretrained=True)
    except Exception as error:  # the hub, the network and the file can fail in many ways
        raise InputError(
            f"model {shown(reference.name)}: timm cannot download its weights {home} "
            f"({reason_of(error)}); download them elsewhere and give {reference.name}?file=FILE"
        ) from error
    return network


def _settings(name: str) -> Any:
    """The pretrained configuration of a model of timm."""
    base = name.partition(".")[0]
    if not timm.is_model(base):
        raise unknown_name("model of timm", name, timm.list_models())
    weights = timm.list_models(f"{base}.*", pretrained=True)
    if not weights or ("." in name and name not in weights):
        raise unknown_name("pretrained model of timm", name, weights or timm.list_pretrained())
    return timm.models.get_pretrained_cfg(name)
