"""Models of RobustBench, through its own loader: ``robustbench:<dataset>/<threat>/<name>``.

Its networks normalize their inputs themselves. Checkpoints are read from where RobustBench keeps
them, ``<folder>/<dataset>/<threat>/<name>.pt``, and downloaded by it if they are missing.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import nn

from models_zoo.card import Card
from models_zoo.checkpoint import sha256_file
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of, unknown_name
from models_zoo.image_sets import IMAGE_SETS
from models_zoo.sources.description import make_card
from models_zoo.sources.reference import Reference

FOLDER = "NONSINGULAR_ROBUSTBENCH"
"""Environment variable with the folder of RobustBench's checkpoints; by default ``models``, the
folder of its own loader. ``?model_dir=`` in a name takes precedence."""

OPTIONS = ("model_dir",)


def describe(reference: Reference) -> Card:
    """The card of a model of RobustBench; its checkpoint is not needed.

    Raises:
        InputError: there is no such model.
    """
    reference.require_known(OPTIONS)
    dataset, _, name = _find(reference)
    images = IMAGE_SETS[dataset]
    return make_card(
        name=reference.name,
        source="robustbench",
        architecture=f"robustbench:{name}",
        dataset=dataset,
        classes=images.classes,
        input_shape=images.input_shape,
        mean=(0.0,),
        std=(1.0,),
        checkpoint=f"{name}.pt",
        notes="The network normalizes its inputs itself.",
    )


def load(reference: Reference, *, trust: bool = False) -> Classifier:
    """A model of RobustBench.

    Raises:
        InputError: there is no such model, or its checkpoint is missing and cannot be downloaded;
            the message says what was tried and where to put the file.
    """
    card = describe(reference)
    files = _files(reference)
    network = _load(reference, files)
    network.requires_grad_(False)
    found: dict[str, Any] = {"parameters": sum(each.numel() for each in network.parameters())}
    if len(files) == 1 and files[0].is_file():
        found["sha256"] = sha256_file(files[0])
    return Classifier(network, card.model_copy(update=found))


def _load(reference: Reference, files: list[Path]) -> nn.Module:
    from robustbench import load_model

    dataset, threat, name = _find(reference)
    missing = [file for file in files if not file.is_file()]
    try:
        with _quiet(), _no_empty_folders(files[0].parent):
            network: nn.Module = load_model(
                name, model_dir=_folder(reference), dataset=dataset, threat_model=threat
            )
    except Exception as error:  # the network, the file and the checkpoint can fail in many ways
        if not missing:
            raise InputError(
                f"model {shown(reference.name)}: RobustBench cannot load {files[0]} "
                f"({reason_of(error)}); download it again"
            ) from error
        raise InputError(
            f"model {shown(reference.name)}: there is no file {missing[0]}, and RobustBench cannot "
            f"download it{_from_where(dataset, threat, name)} ({reason_of(error)}); "
            f"download it elsewhere and put it at {missing[0]}, or name the folder that holds "
            f"{dataset}/{threat} with ?model_dir= or {FOLDER}"
        ) from error
    return network.eval()


def _find(reference: Reference) -> tuple[str, str, str]:
    """Data set, threat model and name, which must be in RobustBench's own list.

    Raises:
        InputError: one of them is not.
    """
    parts = reference.path.split("/")
    if len(parts) != 3:
        raise InputError(
            f"model {shown(reference.name)} is not robustbench:<dataset>/<threat>/<name>, such as "
            "robustbench:cifar10/Linf/Wong2020Fast"
        )
    dataset, threat, name = parts
    zoo = _zoo()
    for kind, asked, known in (
        ("data set of RobustBench", dataset, zoo),
        ("threat model of RobustBench", threat, zoo.get(dataset, {})),
        ("model of RobustBench", name, zoo.get(dataset, {}).get(threat, {})),
    ):
        if asked not in known:
            raise unknown_name(kind, asked, known)
    return dataset, threat, name


def _zoo() -> dict[str, dict[str, dict[str, Any]]]:
    """RobustBench's models by data set, threat model and name."""
    with warnings.catch_warnings(action="ignore"):
        from robustbench.model_zoo import model_dicts
    return {
        dataset.value: {threat.value: models for threat, models in threats.items()}
        for dataset, threats in model_dicts.items()
    }


def listed() -> frozenset[str]:
    """The names of all models that its loader knows, such as ``robustbench:cifar10/L2/X``."""
    return frozenset(
        f"robustbench:{dataset}/{threat}/{name}"
        for dataset, threats in _zoo().items()
        for threat, models in threats.items()
        for name in models
    )


def _from_where(dataset: str, threat: str, name: str) -> str:
    drive = _zoo()[dataset][threat][name].get("gdrive_id")
    return f" from Google Drive (id {drive})" if isinstance(drive, str) else ""


def _folder(reference: Reference) -> Path:
    return Path(reference.text("model_dir") or os.environ.get(FOLDER) or "models").absolute()


def _files(reference: Reference) -> list[Path]:
    """The paths where RobustBench looks for the checkpoint, or the checkpoints of an ensemble."""
    dataset, threat, name = _find(reference)
    folder = _folder(reference) / dataset / threat.removesuffix("_3d")
    drive = _zoo()[dataset][threat][name].get("gdrive_id")
    if isinstance(drive, list):
        return [folder / f"{name}.pt_m{index}.pt" for index in range(len(drive))]
    return [folder / f"{name}.pt"]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress what RobustBench prints; errors are raised."""
    with warnings.catch_warnings(action="ignore"), contextlib.redirect_stdout(io.StringIO()):
        yield


@contextlib.contextmanager
def _no_empty_folders(folder: Path) -> Iterator[None]:
    """Remove the folders created for a file that could not be downloaded."""
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    finally:
        for each in made:
            if each.is_dir() and not any(each.iterdir()):
                each.rmdir()
