"""A small network for digits whose hidden layer concept vectors are looked for in."""

from __future__ import annotations

import torch
from torch import nn


def hidden_layer_network() -> nn.Module:
    """A network with a layer of 64 units, of random weights."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return network.eval().requires_grad_(False)
