"""The provenance of results: hashes, versions, device."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import torch
from torch import Tensor, nn

from benchmark.batteries import Battery
from benchmark.datasets.dataset import examples_sha256
from benchmark.datasets.standard import origin_of
from benchmark.interval_kinds import INTERVALS_VERSION
from benchmark.processor import processor
from benchmark.results import Provenance
from models_zoo.classifier import Classifier, fingerprint
from models_zoo.inputs import kind_of

PACKAGES = ("nonsingular", "torch", "torchvision", "numpy", "pyautoattack")
"""Packages whose versions can change scores."""


def versions() -> dict[str, str]:
    """Versions of Python and of :data:`PACKAGES`, or ``"not installed"``."""
    return {"python": platform.python_version()} | {each: _version(each) for each in PACKAGES}


@cache
def _version(package: str) -> str:
    """Version of a package, or ``"not installed"``; to look one up takes milliseconds."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def provenance_of(
    model: nn.Module, images: Tensor, labels: Tensor, battery: Battery, seed: int, device: str
) -> Provenance:
    """Describe an evaluation before it runs.

    Args:
        model: a :class:`models_zoo.Classifier`, or any module.
        images: float32 (N, C, H, W), or token ids, int64 (N, L).
        labels: int64 (N,).
        battery: the battery.
        seed: root of every random draw.
        device: the device of the evaluation.
    """
    origin = origin_of(battery.dataset, images, labels)
    return Provenance(
        fingerprint=model.fingerprint
        if isinstance(model, Classifier)
        else fingerprint(model, salt=repr(model)),
        checkpoint_sha256=model.card.sha256 if isinstance(model, Classifier) else None,
        data_sha256=examples_sha256(
            images if kind_of(images) == "tokens" else images.float(), labels.long()
        ),
        examples=len(images),
        split="train" if origin == "train" else "test",
        own_data=origin is None,
        battery=battery.name,
        battery_sha256=battery.sha256,
        algorithms=battery.algorithms,
        intervals=INTERVALS_VERSION,
        seed=seed,
        device=device,
        threads=torch.get_num_threads(),
        versions=versions(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        processor=processor(device),
    )
