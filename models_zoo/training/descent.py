"""The optimizer, the learning rate schedule, and the source of random draws."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from models_zoo.training.recipe import Settings

WARM_UP = 0.2
"""Share of the steps over which the learning rate of ``"onecycle"`` increases."""


def seeded(seed: int, purpose: str) -> torch.Generator:
    """A generator on the CPU whose stream depends only on the seed and its purpose."""
    digest = hashlib.sha256(f"{seed}|{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def optimizer_of(parameters: Iterable[nn.Parameter], settings: Settings) -> Optimizer:
    """The optimizer named in the settings."""
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)


def schedule_of(optimizer: Optimizer, settings: Settings, steps: int) -> LRScheduler:
    """The learning rate schedule named in the settings, over ``steps`` steps."""
    if settings.schedule == "onecycle":
        total = steps + 1
        # A fifth of so few steps is less than one, and PyTorch would divide by zero.
        share = WARM_UP if total > 1 / WARM_UP else 2 / total
        return OneCycleLR(optimizer, settings.learning_rate, total_steps=total, pct_start=share)
    if settings.schedule == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    return LambdaLR(optimizer, lambda _: 1.0)
