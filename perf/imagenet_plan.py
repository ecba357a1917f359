"""The plan of ImageNet on 300 checkpoints, which nobody here has run: sizes, rates and units.

The work is that of the battery's probes for 5,000 images. The rate of a model is extrapolated from
one measured rate by the number of multiplications.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.batteries import load_battery
from benchmark.planning import Unit
from benchmark.probes import PROBES, Probe
from benchmark.subject import Subject
from benchmark.work import Steps

BATTERY = "imagenet-linf-v1"
CHECKPOINTS = 300
EXAMPLES = 5000

MEASURED_RATE = 39_700.0
"""Images per second, forward and backward, of a ResNet-18 for CIFAR-10 on an H200 in float32
without TF32. Measured by ``python -m perf.gpu``."""

MEASURED_MACS = 0.556e9
"""Multiplications of that network per image, forward."""

EFFICIENCY = 0.5
"""Multiplications per second of the networks below relative to those of that network.
Extrapolated: its 88 TFLOP/s are above the card's 67 in float32 because cuDNN computes 3 x 3
convolutions with fewer multiplications (Winograd); 1 x 1 convolutions and attention have no such
shortcut, and usually reach two thirds of the card's peak."""

FORWARD_SHARE = 0.45
"""Time of a forward pass relative to forward and backward. Assumed."""

BATCH_SECONDS = 0.01
"""Seconds that a step takes besides its images: launches and what the ascent computes. Assumed; at
83 images per batch it is below 20% of any step."""

LOAD_SECONDS = 60.0
"""Seconds to load a checkpoint and decode the 5,000 images. Assumed: 100 images per second on one
core are 50 s."""


@dataclass(frozen=True)
class Network:
    """A network of the plan.

    Attributes:
        name: its name.
        macs: multiplications per image of 224 x 224, forward, from torchvision's table of weights.
        parameters: number of its parameters.
        layers: number of its weight tensors, roughly.
        share: share of the checkpoints.
    """

    name: str
    macs: float
    parameters: float
    layers: int
    share: float

    @property
    def rate(self) -> float:
        """Images per second, forward and backward."""
        return EFFICIENCY * MEASURED_RATE * MEASURED_MACS / self.macs


NETWORKS = (
    Network("ResNet-50", 4.09e9, 25.6e6, 54, 0.5),
    Network("WRN-50-2", 11.4e9, 68.9e6, 54, 0.2),
    Network("ConvNeXt-B", 15.4e9, 88.6e6, 113, 0.15),
    Network("ViT-B/16", 17.6e9, 86.6e6, 50, 0.15),
)
"""The mix: robust ImageNet checkpoints of RobustBench's lists are about half ResNet-50."""


class _StandIn(nn.Module):
    """A model with as many weight tensors as a network, for what depends on their number."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(layers))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 3) of class 0 for all images, so that none is expected to be misclassified."""
        return images.new_tensor([1.0, 0.0, 0.0]).expand(len(images), 3)


def probe_seconds(
    network: Network,
    examples: int,
    batch_size: int = 83,
    probes: Sequence[str] | None = None,
) -> Mapping[str, float]:
    """Expected seconds of each probe of the battery on one network, with the model loaded.

    Args:
        network: the network.
        examples: number of images.
        batch_size: images per batch, by default what the suite uses for such images on a GPU.
        probes: names of probes; by default those that run by default.
    """
    battery, subject = load_battery(BATTERY), _subject(network, examples, batch_size)
    seconds = {}
    for name in battery.select(probes):
        probe = PROBES[name](battery.probes[name], battery.probes)
        seconds[name] = _seconds(network, probe, probe.mix.steps(probe.expected_work(subject)))
    return seconds


def repeated_seconds(
    network: Network, examples: int, batch_size: int = 83
) -> Mapping[str, Mapping[str, float]]:
    """What each probe takes longer where another worker runs a probe that it takes work over from.

    The arguments are those of :func:`probe_seconds`.

    Returns:
        Seconds by the other probe, by probe.
    """
    battery, subject = load_battery(BATTERY), _subject(network, examples, batch_size)
    probes = [PROBES[name](battery.probes[name], battery.probes) for name in battery.default]
    return {
        probe.name: {
            part.probe: _seconds(network, PROBES[part.probe], part.steps)
            for part in probe.taken_over(subject)
        }
        for probe in probes
    }


def _subject(network: Network, examples: int, batch_size: int) -> Subject:
    image = torch.zeros(1, 3, 224, 224)
    return Subject(
        _StandIn(network.layers).eval().requires_grad_(False),
        image.expand(examples, -1, -1, -1),  # takes the memory of one image
        torch.zeros(examples, dtype=torch.int64),
        batch_size=batch_size,
        classes=3,
    )


def _seconds(network: Network, probe: Probe[Any] | type[Probe[Any]], steps: Steps) -> float:
    """Time of some steps of a probe on a network."""
    images = steps.images.images + steps.weights.images
    images += FORWARD_SHARE * steps.forward.images
    calls = steps.images.calls + steps.weights.calls + steps.forward.calls
    return probe.step_cost * (images / network.rate + BATCH_SECONDS * calls)


def imagenet_units(
    checkpoints: int = CHECKPOINTS, examples: int = EXAMPLES
) -> tuple[list[Unit], dict[str, Mapping[str, float]]]:
    """The units of the plan, and what they take over from others.

    Args:
        checkpoints: their number, of which each network has its share.
        examples: number of images.

    Returns:
        The units, and :func:`repeated_seconds` of each by its identity.
    """
    units, taken_over = [], {}
    for network in NETWORKS:
        seconds, repeated = probe_seconds(network, examples), repeated_seconds(network, examples)
        for number in range(round(network.share * checkpoints)):
            for name, each in seconds.items():
                model = f"{network.name} {number}"
                unit = Unit(model, BATTERY, "5,000 images", 0, name, seconds=each)
                units.append(unit)
                taken_over[unit.identity] = repeated[name]
    return units, taken_over
