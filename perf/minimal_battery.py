"""A battery with minimal effort, and a network to run it on, for measuring memory.

The memory of a probe depends on the size of the network, the batch size and the copies of the
weights it keeps; not on its number of steps, nor on the number of examples beyond the examples
themselves.
"""

from __future__ import annotations

from typing import Any

import torch
from annotated_types import Ge
from pydantic.fields import FieldInfo
from torch import nn

from benchmark.batteries import Battery
from benchmark.datasets import Dataset
from benchmark.probes import ProbeSettings
from models_zoo.architectures import Shape, build_architecture
from models_zoo.errors import InputError

REPEATS = frozenset(
    {
        "bisections",
        "draws",
        "epochs",
        "flips",
        "headline_flips",
        "input_steps",
        "lanczos_steps",
        "layer_steps",
        "patterns",
        "random_draws",
        "resamples",
        "restarts",
        "steps",
        "trace_draws",
    }
)
"""Settings that count repetitions, which use the same memory."""

CHOICES = frozenset({"confidences", "seeds", "shares", "targets", "triggers"})
"""Settings that list alternatives tried one after the other; the first is enough."""

BUDGETS = frozenset(
    {"average_radii", "budgets", "l1", "l2", "linf", "radii", "rates", "worst_radii"}
)
"""Settings that list budgets in ascending order."""

FEW = {"layer_examples": 8}
"""Upper limits of settings whose part never determines the peak: one layer moves, not all."""


def minimal_battery(battery: Battery) -> Battery:
    """The same probes with the minimal work that shows their memory.

    Everything in :data:`REPEATS` is as small as allowed, of :data:`CHOICES` the first is tried,
    lists of budgets are reduced to those that are a headline of some probe, and further geometries
    are left out. The copies of the weights that the full lists keep are :func:`copies_left_out`.
    """
    single = {
        value
        for settings in battery.probes.values()
        for value in settings.model_dump().values()
        if isinstance(value, float)
    }
    return battery.model_copy(
        update={
            "name": f"{battery.name} at its least effort",
            "probes": {name: _reduced(each, single) for name, each in battery.probes.items()},
        }
    )


def _reduced(settings: ProbeSettings, single: set[float]) -> ProbeSettings:
    kind, given = type(settings), settings.model_dump()
    changes: dict[str, Any] = {}
    for name, field in kind.model_fields.items():
        if name not in given:  # at its default, and added after batteries were frozen
            continue
        value = given[name]
        if name in REPEATS:
            changes[name] = _minimum(field)
        elif name in FEW:
            changes[name] = min(value, FEW[name])
        elif name in CHOICES:
            changes[name] = value[:1]
        elif name == "effort":
            changes[name] = "quick"
        elif name in BUDGETS and isinstance(value, tuple):
            changes[name] = tuple(each for each in value if each in single) or value[-1:]
        elif name == "also":
            changes[name] = {}
    return kind.model_validate(given | changes)


def _minimum(field: FieldInfo) -> object:
    return next((each.ge for each in field.metadata if isinstance(each, Ge)), 1)


def copies_left_out(battery: Battery) -> int:
    """Copies of the weights that the battery keeps at most, and :func:`minimal_battery` does not.

    The weight probe keeps one per radius, for the joint probe, which keeps one per pair of budgets.
    """
    return _kept(battery) - _kept(minimal_battery(battery))


def _kept(battery: Battery) -> int:
    tables = {name: settings.model_dump() for name, settings in battery.probes.items()}
    radii = len(tables["weight"]["radii"]) if "weight" in battery.default else 0
    pairs = 0
    if "joint" in battery.default:
        joint = tables["joint"]
        pairs = len(joint[joint.get("headline_norm", "linf")]) * len(joint["radii"])
    return radii + pairs


@torch.no_grad()
def untrained(
    architecture: str,
    examples: int,
    *,
    batch_size: int,
    classes: int = 10,
    input_shape: Shape = (3, 32, 32),
) -> tuple[nn.Module, Dataset]:
    """A network with random weights, and random images that it classifies correctly.

    Batch norm's statistics are those of the images, and the last layer's bias centres the logits,
    so that not all images get the same class. The labels are the network's own predictions, so that
    every example is attacked.

    Args:
        architecture: a name of :func:`models_zoo.list_architectures`.
        examples: number of images.
        batch_size: images passed through at once.
        classes: number of logits.
        input_shape: (channels, height, width) of an image.

    Raises:
        InputError: an unknown architecture, or one whose last layer is not linear with a bias.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_architecture(architecture, classes=classes, input_shape=input_shape)
        images = torch.rand(examples, *input_shape)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the plain mean over all batches
            module.reset_running_stats()
    network.train()
    for part in images.split(batch_size):
        network(part)
    network.eval().requires_grad_(False)
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1:]
    if not last or last[0].bias is None:
        raise InputError(f"architecture {architecture!r} has no last linear layer with a bias")
    logits = torch.cat([network(part) for part in images.split(batch_size)])
    last[0].bias.sub_(logits.mean(0))
    labels = torch.cat([network(part) for part in images.split(batch_size)]).argmax(1)
    return network, Dataset(f"random {classes}", "file", images, labels, classes)
