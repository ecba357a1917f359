"""Models of torchvision with its weights: ``torchvision:<name>``, such as ``torchvision:resnet18``.

``?weights=IMAGENET1K_V1`` selects one of several weights; ``?file=`` reads a file instead of
downloading.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
import torchvision

from models_zoo.card import Card
from models_zoo.checkpoint import fit_weights, read_checkpoint
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError, shown, unknown_name
from models_zoo.preprocessing import Preprocessing
from models_zoo.sources.description import make_card
from models_zoo.sources.download import download
from models_zoo.sources.normalization import settle
from models_zoo.sources.reference import Reference

OPTIONS = ("file", "weights")


def describe(reference: Reference) -> Card:
    """The card of a torchvision model; its weights are not needed.

    Raises:
        InputError: there are no such model or weights, or it is not an image classifier.
    """
    reference.require_known(OPTIONS)
    weights = _weights(reference)
    seen = weights.transforms()
    if not hasattr(seen, "crop_size"):
        raise InputError(
            f"model {shown(reference.name)} is not an image classifier; choose another"
        )
    (size,) = {*seen.crop_size}
    return make_card(
        name=reference.name,
        source="torchvision",
        architecture=f"torchvision:{reference.path}",
        dataset="imagenet",
        classes=len(weights.meta["categories"]),
        input_shape=(3, size, size),
        mean=tuple(seen.mean),
        std=tuple(seen.std),
        checkpoint=weights.url.rpartition("/")[2],
        url=weights.url,
        parameters=weights.meta.get("num_params"),
        clean_accuracy=_accuracy(weights),
        preprocessing=Preprocessing(
            resize=seen.resize_size[0], crop=size, interpolation=seen.interpolation.value
        ),
        notes=f"{weights}. Images are resized to {seen.resize_size[0]} and cropped to {size}.",
    )


def _accuracy(weights: Any) -> float | None:
    """Accuracy on ImageNet's validation images, as published by torchvision."""
    percent = weights.meta.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1")
    return None if percent is None else percent / 100


def load(reference: Reference, *, trust: bool = False) -> Classifier:
    """A torchvision model with its weights.

    Raises:
        InputError: there is no such model, or its weights cannot be read or do not fit.
    """
    card = describe(reference)
    path = _file(reference, card)
    network = torchvision.models.get_model(reference.path, weights=None, **_variant(reference))
    found = read_checkpoint(path)
    source = f"checkpoint {shown(path)}"
    fit = fit_weights(network, found.tensors, source=source)
    card = settle(card, fit.normalization, stated=True, source=source)
    parameters = sum(each.numel() for each in network.parameters())
    update = {"sha256": found.file.sha256, "parameters": parameters}
    return Classifier(network, card.model_copy(update=update), (*found.notes, *fit.notes))


def _weights(reference: Reference) -> Any:
    """The member of torchvision's enumeration of weights."""
    known = torchvision.models.list_models(module=torchvision.models)
    if reference.path not in known:
        raise unknown_name("model of torchvision", reference.path, known)
    choices = torchvision.models.get_model_weights(reference.path)
    asked = reference.text("weights") or "DEFAULT"
    if asked != "DEFAULT" and asked not in choices.__members__:
        raise unknown_name(f"weights of {shown(reference.name)}", asked, choices.__members__)
    return choices.DEFAULT if asked == "DEFAULT" else choices[asked]


def _variant(reference: Reference) -> dict[str, Any]:
    """Arguments that torchvision sets itself when it also loads the weights."""
    if reference.path in ("googlenet", "inception_v3"):
        return {"transform_input": True, "aux_logits": True, "init_weights": False}
    return {}


def _file(reference: Reference, card: Card) -> Path:
    """The weights: the given file, or torchvision's, in the folder that it uses."""
    if (given := reference.text("file")) is not None:
        return Path(given)
    folder = Path(torch.hub.get_dir())
    name = str(card.checkpoint)
    hashed = re.search(r"-([0-9a-f]{8,})\.pth$", name)
    if hashed is None:
        raise InputError(f"weights {card.url} name no hash; download them and give ?file=")
    return download(str(card.url), folder / "checkpoints" / name, sha256=hashed[1])
