"""Training autoencoders with a weight per example."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from benchmark.anomaly.networks import Autoencoders, errors_of
from benchmark.anomaly.splits import TrainingSets
from benchmark.anomaly.unfinished import Stateful, Unfinished

NEGATIVE_ERROR = 0.25
"""Largest error that counts where it is to be increased: without a bound the loss has none."""

BETAS = (0.9, 0.999)
"""Of Adam, PyTorch's default."""


@dataclass(frozen=True)
class Budget:
    """How large networks are and how long they are trained, the same for all methods.

    Attributes:
        hidden: width of the hidden layers.
        epochs: passes over the training set.
        early_epochs: after how many the early-stopped autoencoder stops.
        batch: number of examples of a step.
        lr: learning rate of Adam, for all networks.
    """

    hidden: int
    epochs: int
    early_epochs: int
    batch: int
    lr: float


Watch = Callable[[int, "Training"], None]
"""Called before the first epoch and after each with its number and the training."""

Counted = Callable[[int, float], None]
"""Called after each step with the number of images that it passed and its seconds."""


class Training:
    """Networks of R runs with the state of their optimization, which goes on where it stopped.

    Args:
        data: the training sets.
        networks: to be trained in place.
        budget: how.
        watch: called at every epoch.
        counted: called at every step.
        trimmed: share of the largest errors of every batch that the loss leaves out.
        unfinished: where the state is kept, to resume a training that was interrupted.

    Attributes:
        parts: what else has a state that is kept, by name; add to it before the first epoch.
    """

    def __init__(
        self,
        data: TrainingSets,
        networks: Autoencoders,
        budget: Budget,
        watch: Watch,
        counted: Counted,
        *,
        trimmed: float = 0.0,
        unfinished: Unfinished | None = None,
    ) -> None:
        self.data, self.networks = data, networks
        self.weights = torch.ones(data.images.shape[:2], device=data.images.device)
        networks.to(data.images.device)
        self.epoch = 0
        self._budget, self._watch, self._counted, self._trimmed = budget, watch, counted, trimmed
        self._unfinished, self._started, self._passed, self._seconds = unfinished, False, 0, 0.0
        self._order, self._prior = data.generators("batches"), data.generators("prior")
        coders = [*networks.encoder.parameters(), *networks.decoder.parameters()]
        self._reconstructing = self._adam(coders)
        self._deceiving = self._telling = None
        if networks.discriminator is not None:
            self._deceiving = self._adam(list(networks.encoder.parameters()))
            self._telling = self._adam(list(networks.discriminator.parameters()))
        optimizers = {
            "reconstructing": self._reconstructing,
            "deceiving": self._deceiving,
            "telling": self._telling,
        }
        self.parts: dict[str, Stateful] = {
            "training": self,
            "networks": networks,
            **{name: each for name, each in optimizers.items() if each is not None},
        }

    def _adam(self, parameters: Sequence[torch.nn.Parameter]) -> torch.optim.Adam:
        # Not fused, Adam takes a fourth of all the time here: the weights of all runs are many.
        return torch.optim.Adam(parameters, lr=self._budget.lr, betas=BETAS, fused=True)

    @property
    def kept(self) -> Tensor:
        """Bool (R, n): the examples that are trained on as they are."""
        return self.weights > 0

    def run_until(self, epoch: int) -> None:
        """Train with the present weights until so many epochs have passed since the first one.

        Before the first epoch a training that was interrupted takes its state, which may be beyond
        that epoch.
        """
        size = self.data.images.shape[1]
        batches = max(1, round(size / self._budget.batch))
        if not self._started:
            self._start()
        while self.epoch < epoch:
            self.networks.train()
            order = torch.stack([torch.randperm(size, generator=each) for each in self._order])
            for rows in order.to(self.weights.device).tensor_split(batches, dim=1):
                start = time.perf_counter()
                self._step(rows)
                self._count(rows.numel(), time.perf_counter() - start)
            self.epoch += 1
            self._watch(self.epoch, self)
            if self._unfinished is not None:
                self._unfinished.keep()

    def _start(self) -> None:
        self._started = True
        if self._unfinished is not None:
            self._unfinished.resume(self.parts)
        if self.epoch == 0:
            self._watch(0, self)
        else:
            self._counted(self._passed, self._seconds)

    def _count(self, images: int, seconds: float) -> None:
        self._passed += images
        self._seconds += seconds
        self._counted(images, seconds)

    def state_dict(self) -> dict[str, Any]:
        """Epoch, weights, generators and what was counted; the other parts have their own."""
        return {
            "epoch": self.epoch,
            "weights": self.weights.cpu(),
            "order": [each.get_state() for each in self._order],
            "prior": [each.get_state() for each in self._prior],
            "passed": self._passed,
            "seconds": self._seconds,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what :meth:`state_dict` returned."""
        self.epoch, self.weights = state["epoch"], state["weights"].to(self.weights.device)
        self._passed, self._seconds = state["passed"], state["seconds"]
        for generators, states in ((self._order, "order"), (self._prior, "prior")):
            for each, own in zip(generators, state[states], strict=True):
                each.set_state(own)

    def _step(self, rows: Tensor) -> None:
        """One step on the examples (R, B) of each run."""
        networks = self.networks
        images = self.data.images.gather(
            1, rows[..., None].expand(*rows.shape, self.data.images.shape[2])
        )
        weights = self.weights.gather(1, rows)
        positive = weights.clamp(min=0)
        codes = networks.encoder(images, (weights > 0).float())
        errors = errors_of(images, networks.decoded(codes))
        loss = weighted(errors, weights, self._trimmed).sum()
        adversarial = networks.discriminator is not None
        coders = [each for group in self._reconstructing.param_groups for each in group["params"]]
        gradients = torch.autograd.grad(loss, coders, retain_graph=adversarial)
        if networks.discriminator is None or self._deceiving is None or self._telling is None:
            _apply(self._reconstructing, gradients)
            return
        # Both gradients are of the same weights, so that the images pass the encoder once.
        deceived = (softplus(-networks.discriminator(codes)[..., 0]) * positive).mean(1).sum()
        encoder = list(networks.encoder.parameters())
        deceiving = torch.autograd.grad(deceived, encoder)
        _apply(self._reconstructing, gradients)
        _apply(self._deceiving, deceiving)
        drawn = torch.stack([torch.randn(codes.shape[1:], generator=each) for each in self._prior])
        drawn = drawn.to(codes.device)
        told = (softplus(networks.discriminator(codes.detach())[..., 0]) * positive).mean(1).sum()
        told = told + softplus(-networks.discriminator(drawn)[..., 0]).mean(1).sum()
        _apply(self._telling, torch.autograd.grad(told, list(networks.discriminator.parameters())))

    @torch.no_grad()
    def codes(self, images: Tensor) -> Tensor:
        """Codes (R, m, latent) of images (R, m, D), with running statistics."""
        self.networks.eval()
        found: Tensor = self.networks.encoder(images)
        return found

    @torch.no_grad()
    def errors(self, images: Tensor) -> Tensor:
        """Errors (R, m) of images (R, m, D), with running statistics."""
        return errors_of(images, self.networks.decoded(self.codes(images)))


def weighted(errors: Tensor, weights: Tensor, trimmed: float = 0.0) -> Tensor:
    """The loss of each run, (R,): the mean of weighted errors.

    Args:
        errors: (R, B).
        weights: (R, B). An error with a negative weight counts up to :data:`NEGATIVE_ERROR`.
        trimmed: share of the largest errors that are left out.
    """
    bounded = torch.where(weights < 0, errors.clamp(max=NEGATIVE_ERROR), errors)
    parts = bounded * weights
    left_out = int(trimmed * errors.shape[1] + 0.5)
    if left_out:
        least = errors.detach().topk(errors.shape[1] - left_out, dim=1, largest=False).indices
        parts = parts.gather(1, least)
    return parts.mean(1)


def _apply(optimizer: torch.optim.Adam, gradients: Sequence[Tensor]) -> None:
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimizer.step()
    for parameter in parameters:
        parameter.grad = None
