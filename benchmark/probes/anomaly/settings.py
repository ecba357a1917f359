"""Settings of the probe for methods of anomaly detection."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from benchmark.anomaly import Budget, Run
from benchmark.probes.settings import ProbeSettings

Contamination = Annotated[float, Field(ge=0, lt=0.5)]


class AnomalySettings(ProbeSettings):
    """Which training sets a method is trained on, and how long.

    Attributes:
        pairs: pairs of a normal class and the class that contaminates it.
        contaminations: shares of outliers in the training data, ascending from 0.
        collapse_at: the one of them at which the course of training is shown.
        seeds: number of repetitions of each pair, with other examples, first weights and order.
        normals: number of normal examples of a training set; a tenth of them is held out.
        hidden: width of the hidden layers of all networks.
        epochs: passes over the training set, the same for all methods that train networks.
        early_epochs: after how many epochs the early-stopped autoencoder stops.
        batch: number of examples of a step.
        lr: learning rate of Adam, for all networks.
    """

    pairs: tuple[tuple[int, int], ...] = Field(default=((0, 2), (1, 7), (4, 9)), min_length=1)
    contaminations: tuple[Contamination, ...] = Field(default=(0.0, 0.05, 0.1), min_length=2)
    collapse_at: float = 0.05
    seeds: int = Field(default=5, ge=1)
    normals: int = Field(default=100, ge=10)
    hidden: int = Field(default=64, ge=1)
    epochs: int = Field(default=300, ge=1)
    early_epochs: int = Field(default=40, ge=1)
    batch: int = Field(default=32, ge=2)
    lr: float = Field(default=1e-3, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.contaminations) != sorted(set(self.contaminations)) or self.contaminations[0]:
            raise ValueError(f"contaminations must ascend from 0, got {self.contaminations}")
        if self.collapse_at not in self.contaminations[1:]:
            raise ValueError(
                f"collapse_at = {self.collapse_at:g} is not one of the contaminations above 0"
            )
        if any(normal == other or min(normal, other) < 0 for normal, other in self.pairs):
            raise ValueError(f"pairs must be of two different classes, got {self.pairs}")
        if len(set(self.pairs)) < len(self.pairs):
            raise ValueError(f"pairs must differ, got {self.pairs}")
        return self

    @property
    def budget(self) -> Budget:
        """How networks are trained."""
        return Budget(self.hidden, self.epochs, self.early_epochs, self.batch, self.lr)

    @property
    def runs(self) -> list[Run]:
        """All repetitions at one contamination."""
        return [
            Run(normal, other, seed) for normal, other in self.pairs for seed in range(self.seeds)
        ]
