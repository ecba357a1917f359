"""Exponential moving average of a model's weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch

from models_zoo.classifier import Classifier


class Averaged:
    """A copy of a model with the moving average of its weights.

    ``mean <- d mean + (1 - d) weights`` after every step, with ``d`` the smaller of the decay and
    ``(1 + n) / (10 + n)`` after ``n`` steps, so that the initial weights soon lose their influence.
    Batch norm's running statistics are averaged in the same way, its counters copied.

    Args:
        model: the model to average; it is copied.
        decay: from 0 to below 1.

    Attributes:
        model: the copy, in eval mode.
        steps: number of updates so far.
    """

    def __init__(self, model: Classifier, decay: float) -> None:
        self.model = deepcopy(model)
        self.model.eval().requires_grad_(False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def update(self, model: Classifier) -> None:
        """Update the average with the model's current weights."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        self.steps += 1
        for mean, value in zip(
            self.model.state_dict().values(), model.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)

    def state(self) -> dict[str, Any]:
        """The state that :meth:`restore` takes."""
        return {"model": self.model.state_dict(), "steps": self.steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from :meth:`state`."""
        self.model.load_state_dict(state["model"])
        self.steps = state["steps"]
