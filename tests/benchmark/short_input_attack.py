"""A battery of a short input attack, and models that no batch changes the rounding of."""

from __future__ import annotations

import re
import tomllib

import torch
from torch import Tensor, nn

from benchmark.batteries import Battery
from benchmark.results import ProbeResult

BATTERY_FILE = """
name = "short-input-v1"
dataset = "digits"
description = "A short input attack."
default = ["input"]

[probes.input]
linf = [0.1, 0.2]
l2 = [0.3]
headline_linf = 0.2
headline_l2 = 0.3
effort = "quick"
"""
BATTERY = Battery.model_validate(tomllib.loads(BATTERY_FILE))


class OneByOne(nn.Module):
    """A network that classifies one image at a time."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([self.network(image) for image in images.split(1)])


def without_passes(result: ProbeResult) -> ProbeResult:
    """The result without how many images passed: where examples are broken, batches shrink late."""
    protocol = {
        name: [re.sub(r"\d+ passes$", "", str(line)) for line in value]
        if isinstance(value, list)
        else value
        for name, value in result.protocol.items()
    }
    return result.model_copy(update={"protocol": protocol})
