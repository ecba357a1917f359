"""What every model of a run is scored with, and what is checked before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from benchmark.applicability import require_installed
from benchmark.arguments import device_of
from benchmark.batteries import Battery
from benchmark.data_fit import require_trained_for, require_values
from benchmark.datasets import Dataset
from benchmark.datasets.standard import origin_of
from benchmark.evaluation import LOSS_TOLERANCE
from benchmark.memory import default_batch_size
from benchmark.probes import PROBES
from benchmark.subject import subject_of
from leaderboard.jobs.sources import DataSource
from models_zoo.classifier import Classifier
from models_zoo.display import shown
from models_zoo.errors import InputError

_COMPARED = 32
"""Number of examples on which models with the same weights are compared: another function gives
other logits on almost any image."""


@dataclass(frozen=True)
class Run:
    """What every model of a run is scored with.

    Attributes:
        battery: the battery.
        data: the evaluation examples.
        probes: names of the battery's probes to run.
        seed: root of every random draw.
        device: where to compute.
        fresh: whether to compute stored results again.
        batch_size: images passed through a model at once; by default what memory allows, see
            :func:`benchmark.memory.default_batch_size`.
        own_data: whether the examples may be unlike those of the battery's data set.
        data_source: what loads the examples in another process; ``None`` if they exist in this one
            only.
        battery_source: name or file of the battery, for another process; ``None`` likewise.
    """

    battery: Battery
    data: Dataset
    probes: Sequence[str]
    seed: int = 0
    device: str = "cpu"
    fresh: bool = False
    batch_size: int | None = None
    own_data: bool = False
    data_source: DataSource | None = None
    battery_source: str | None = None

    @cached_property
    def origin(self) -> dict[str, object]:
        """The fields of a provenance on the origin of the examples.

        An evaluation does not know the split of a file.
        """
        found = origin_of(self.battery.dataset, self.data.images, self.data.labels)
        split = "train" if self.data.split == "train" else "test"
        return {"split": split, "own_data": found is None}


def require_scorable(models: Sequence[Classifier], run: Run) -> None:
    """Check what can be checked before anything is computed or written.

    Raises:
        InputError: the device cannot be used, a package is missing, or a model does not take the
            data.
    """
    device_of(run.device)
    for name in run.probes:
        PROBES[name].require_takes(run.data.inputs.kind)
    require_installed(run.battery, run.probes)
    for model in models:
        if not run.own_data:
            require_trained_for(run.battery, model, allow="--own-data")
        _require_fit(model, run)
    _require_one_function(models, run)
    data = run.data
    require_values(run.battery, data.images, data.labels, own_data=run.own_data, allow="--own-data")


def _require_one_function(models: Sequence[Classifier], run: Run) -> None:
    """Refuse models with the same weights that compute different functions.

    A result is stored by the fingerprint of the weights and layers, so one would get the scores of
    the other.
    """
    first: dict[str, Classifier] = {}
    for model in models:
        other = first.setdefault(model.fingerprint, model)
        if other is model:
            continue
        one, two = _answers(other, run), _answers(model, run)
        if one.shape != two.shape or not torch.allclose(one, two, LOSS_TOLERANCE, LOSS_TOLERANCE):
            raise InputError(
                f"models {shown(other.card.name)} and {shown(model.card.name)} have the same "
                "weights and layers but give different answers, so their scores cannot be told "
                "apart; score them separately, with another --database each"
            )


def _answers(model: Classifier, run: Run) -> Tensor:
    """Logits of the first examples."""
    images, labels = run.data.images[:_COMPARED], run.data.labels[:_COMPARED]
    size = default_batch_size(images) if run.batch_size is None else run.batch_size
    with subject_of(
        model, images, labels, device=run.device, batch_size=size, texts=True
    ) as subject:
        return subject.logits()


def _require_fit(model: Classifier, run: Run) -> None:
    data = run.data
    takes, has = model.card.inputs, data.inputs
    if takes != has:
        got = data.input_shape if takes.kind == has.kind == "images" else has.text
        raise InputError(
            f"model {shown(model.card.name)} takes {takes.text}, the data {shown(data.name)} has "
            f"{got}"
        )
    # Labels of own images need not reach the last class.
    if not (
        model.card.classes == data.classes or (run.own_data and model.card.classes > data.classes)
    ):
        raise InputError(
            f"model {shown(model.card.name)} has {model.card.classes:,} classes, the data "
            f"{shown(data.name)} has {data.classes:,}, so its predictions cannot be compared with "
            "the labels; choose a model that was trained for them"
        )
