"""How weights move: the optimizer, its schedule, and where random draws come from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from models_zoo.training.recipe import Settings

WARM_UP = 0.2
"""Share of the steps over which the rate of ``"onecycle"`` rises."""


def seeded(seed: int, purpose: str) -> torch.Generator:
    """A generator on the CPU whose stream depends on the seed and its purpose alone."""
    digest = hashlib.sha256(f"{seed}|{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def optimizer_of(parameters: Iterable[nn.Parameter], settings: Settings) -> Optimizer:
    """The optimizer that the settings name."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)


def schedule_of(optimizer: Optimizer, settings: Settings, steps: int) -> LRScheduler:
    """The learning rate's course over ``steps`` steps, that the settings name."""
    if settings.schedule == "onecycle":
        total = steps + 1
        # Of so few steps a fifth is less than one, and PyTorch would divide by its length.
        share = WARM_UP if total > 1 / WARM_UP else 2 / total
        return OneCycleLR(optimizer, settings.learning_rate, total_steps=total, pct_start=share)
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    return LambdaLR(optimizer, lambda _: 1.0)
