"""Models on the Hugging Face Hub: ``hf-hub:<owner>/<repository>``, optionally ``@<revision>``.

A repository holds ``config.json`` and the weights, as ``model.safetensors`` or
``pytorch_model.bin``. Two forms of the configuration are read: that of timm, and a card of this
zoo, whose architecture is one of :func:`models_zoo.list_architectures`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models_zoo.architectures import build_skeleton, is_architecture, list_architectures
from models_zoo.card import UNKNOWN_DATASET, Card
from models_zoo.checkpoint import fit_weights, read_checkpoint
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError, reason_of, shown
from models_zoo.sources.description import DESCRIBING, described
from models_zoo.sources.normalization import settle
from models_zoo.sources.reference import Reference

CONFIGURATION = "config.json"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
IMAGENET_CLASSES = 1000


def describe(reference: Reference) -> Card:
    """The card of a repository, from its configuration alone.

    Raises:
        InputError: the configuration cannot be read or does not describe a classifier.
    """
    reference.require_known(DESCRIBING)
    settings = _settings(reference)
    try:
        known = _of_timm(settings) if _is_timm(settings) else _of_the_zoo(settings)
    except KeyError as error:
        raise _unreadable(reference, f"it lacks {error}") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise _unreadable(reference, reason_of(error)) from error
    return described(reference, name=reference.name, source="hf-hub", **known)


def load(reference: Reference, *, trust: bool = False) -> Classifier:
    """A model of the hub, its weights read safely.

    Raises:
        InputError: the repository cannot be read, or its weights do not fit.
    """
    card = describe(reference)
    path = fetch_weights(reference.name, reference.path)
    read = read_checkpoint(path)
    settings = _settings(reference)
    if _is_timm(settings):
        from models_zoo.sources.timm import read_network

        name = str(settings["architecture"])
        arguments = {"num_classes": card.classes} | dict(settings.get("model_args") or {})
        network, fit = read_network(name, read, channels=card.input_shape[0], **arguments)
    else:
        network = build_skeleton(
            card.architecture, classes=card.classes, input_shape=card.input_shape
        )
        channels = card.input_shape[0]
        called = f"checkpoint {shown(path.name)}"
        fit = fit_weights(network, read.tensors, source=called, channels=channels)
    stated = (card.mean, card.std) != ((0.0,), (1.0,))
    source = f"checkpoint {shown(path.name)}"
    card = settle(card, fit.normalization, stated=stated, source=source)
    found = {
        "checkpoint": path.name,
        "sha256": read.file.sha256,
        "parameters": sum(each.numel() for each in network.parameters()),
    }
    return Classifier(network, card.model_copy(update=found), (*read.notes, *fit.notes))


def _is_timm(settings: dict[str, Any]) -> bool:
    name = settings["architecture"]
    if "pretrained_cfg" in settings or not is_architecture(name):
        return True
    return name not in list_architectures() and not {"dataset", "input_shape"} & settings.keys()


def _of_timm(settings: dict[str, Any]) -> dict[str, Any]:
    from models_zoo.sources.timm import preprocessing_of

    inner = settings.get("pretrained_cfg") or settings
    classes = settings.get("num_classes") or inner.get("num_classes")
    return {
        "architecture": f"timm:{settings['architecture']}",
        "dataset": "imagenet" if classes == IMAGENET_CLASSES else UNKNOWN_DATASET,
        "classes": classes,
        "input_shape": tuple(inner["input_size"]),
        "mean": tuple(inner["mean"]),
        "std": tuple(inner["std"]),
        "licence": inner.get("license"),
        "preprocessing": preprocessing_of(inner),
    }


def _of_the_zoo(settings: dict[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in settings.items() if key in Card.model_fields}
    return {"dataset": UNKNOWN_DATASET} | {
        key: value for key, value in fields.items() if key not in ("name", "source", "sha256")
    }


def _settings(reference: Reference) -> dict[str, Any]:
    path = fetch_file(reference.name, reference.path, CONFIGURATION)
    try:
        settings = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise _unreadable(reference, reason_of(error)) from error
    if not isinstance(settings, dict) or not isinstance(settings.get("architecture"), str):
        raise _unreadable(reference, "it names no architecture")
    return settings


def fetch_weights(model: str, repository: str) -> Path:
    """The weights of a repository, as :func:`fetch_file`."""
    preferred, older = WEIGHTS
    for name in WEIGHTS:
        if (path := _cached(repository, name)) is not None:
            return path
    try:
        return fetch_file(model, repository, preferred)
    except InputError as error:
        cause, errors = error.__cause__, _hub().errors
        offline = isinstance(cause, errors.LocalEntryNotFoundError)
        if isinstance(cause, errors.EntryNotFoundError) and not offline:
            return fetch_file(model, repository, older)
        raise


def fetch_file(model: str, repository: str, file: str) -> Path:
    """A file of a repository: from the hub's cache, or downloaded if it is not there.

    Args:
        model: name of the model in messages.
        repository: ``<owner>/<repository>``, optionally with ``@<revision>``.
        file: name of the file.

    Raises:
        InputError: it is not in the cache and cannot be downloaded.
    """
    hub = _hub()
    identifier, _, revision = repository.partition("@")
    try:
        path = _cached(repository, file)
        return path or Path(hub.hf_hub_download(identifier, file, revision=revision or None))
    except Exception as error:  # the hub, the network and the cache can fail in many ways
        raise InputError(
            f"model {shown(model)}: {file} of {identifier} is not in the cache "
            f"{hub.constants.HF_HUB_CACHE} and cannot be downloaded ({reason_of(error)}); check "
            "the name, or download its weights elsewhere and name that file"
        ) from error


def _cached(repository: str, file: str) -> Path | None:
    identifier, _, revision = repository.partition("@")
    path = _hub().try_to_load_from_cache(identifier, file, revision=revision or None)
    return Path(path) if isinstance(path, str) else None


def _hub() -> Any:
    import huggingface_hub as hub

    hub.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return hub  # retries are not worth a warning; a failure is raised


def _unreadable(reference: Reference, reason: str) -> InputError:
    return InputError(
        f"model {shown(reference.name)}: its {CONFIGURATION} is neither timm's nor a card "
        f"of this zoo "
        f"({reason}); load its weights with file: and an architecture"
    )
