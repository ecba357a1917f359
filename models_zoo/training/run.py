"""A training run: its parts, its epochs, and its state between epochs."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from models_zoo.training.augmentation import flipped, noisy, shifted
from models_zoo.training.descent import optimizer_of, schedule_of, seeded
from models_zoo.training.ema import Averaged
from models_zoo.training.progress import held_out_accuracy
from models_zoo.training.recipe import Recipe, Settings, Step


class Run:
    """Trains one model, epoch by epoch.

    Args:
        recipe: has the loss.
        model: the model to train, on the device to compute on.
        images: float32 (N, C, H, W) in [0, 1], moved to that device.
        labels: int64 (N,).
        settings: of the recipe.
        seed: root of every random draw.

    Raises:
        InputError: there are too few images to hold some out, or the precision needs another
            device.
    """

    def __init__(
        self,
        recipe: Recipe,
        model: Classifier,
        images: Tensor,
        labels: Tensor,
        settings: Settings,
        seed: int,
    ) -> None:
        self.device = model.mean.device
        if settings.precision == "bfloat16" and self.device.type != "cuda":
            raise InputError("precision=bfloat16 needs a GPU; leave it at float32 on a CPU")
        held = round(settings.holdout * len(labels))
        if not 1 <= held < len(labels):
            raise InputError(
                f"cannot hold out {settings.holdout:.0%} of {len(labels)} images; give more images"
            )
        split = torch.randperm(len(labels), generator=seeded(seed, "holdout"))
        self.held_out, self.part = split[:held], split[held:]
        self.recipe, self.model, self.settings, self.seed = recipe, model, settings, seed
        self.images, self.labels = images.to(self.device), labels.to(self.device)
        purposes = ("order", "attack", "augmentation")
        self.generators = {purpose: seeded(seed, purpose) for purpose in purposes}
        self.steps_an_epoch = -(-len(self.part) // settings.batch_size)
        self.steps = self.steps_an_epoch * settings.epochs
        model.requires_grad_(True)
        self.optimizer = optimizer_of(model.parameters(), settings)
        self.schedule = schedule_of(self.optimizer, settings, self.steps)
        self.average = Averaged(model, settings.ema) if settings.ema else None

    @property
    def result(self) -> Classifier:
        """The current result: the model or its moving average."""
        return self.average.model if self.average else self.model

    def epoch(self, number: int) -> float:
        """Train for one epoch; returns the mean loss.

        Raises:
            InputError: the loss is not finite, or a batch is too small for the architecture.
        """
        settings, total = self.settings, 0.0
        self.model.train()
        order = torch.randperm(len(self.part), generator=self.generators["order"])
        first = (number - 1) * self.steps_an_epoch
        for index, batch in enumerate(torch.split(self.part[order], settings.batch_size)):
            images = self._augmented(self.images[batch])
            step = Step(
                images, self.labels[batch], self.generators["attack"], (first + index) / self.steps
            )
            try:
                total += self._descend(step) * len(batch)
            except ValueError as error:
                if "more than 1 value per channel" not in str(error):
                    raise
                raise InputError(
                    f"batch normalization cannot learn from a batch of {len(batch)} image of this "
                    f"size; choose another batch_size than {settings.batch_size}, one that does "
                    f"not leave one of {len(self.part)} images over"
                ) from error
        if not math.isfinite(total):
            raise InputError(
                f"training diverged in epoch {number}; lower learning_rate "
                f"(it is {settings.learning_rate})"
            )
        return total / len(self.part)

    def _descend(self, step: Step) -> float:
        mixed = self.settings.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=mixed):
            loss = self.recipe.loss(self.model, step, self.settings)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.schedule.step()
        if self.average:
            self.average.update(self.model)
        return float(loss.detach())

    def _augmented(self, images: Tensor) -> Tensor:
        settings, generator = self.settings, self.generators["augmentation"]
        if settings.shift:
            images = shifted(images, settings.shift, generator)
        if settings.flip:
            images = flipped(images, generator)
        return noisy(images, settings.noise, generator) if settings.noise else images

    def accuracy(self, number: int) -> tuple[float, float | None]:
        """Clean and robust accuracy on the held-out part, after epoch ``number``.

        A model that draws random numbers in eval mode too would otherwise be trained with others
        after a report; the robust accuracy of such a model is that of single draws.
        """
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            return held_out_accuracy(
                self.result,
                self.images[self.held_out],
                self.labels[self.held_out],
                eps=self.settings.eps,
                generator=seeded(self.seed, f"report {number}"),
            )

    def state(self) -> dict[str, Any]:
        """Everything that later epochs depend on, as tensors and plain values."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generators": {name: g.get_state() for name, g in self.generators.items()},
            "global generator": torch.get_rng_state(),
            "average": self.average.state() if self.average else {},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from :meth:`state` of a run with the same arguments."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        for name, generator in self.generators.items():
            generator.set_state(state["generators"][name])
        torch.set_rng_state(state["global generator"])
        if self.average:
            self.average.restore(state["average"])
