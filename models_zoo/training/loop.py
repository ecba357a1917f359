"""The training loop, written once for every recipe."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

from models_zoo.architectures import build_architecture
from models_zoo.card import Card, Training
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from models_zoo.training.augmentation import flipped, shifted
from models_zoo.training.progress import Epoch, Progress, held_out_accuracy
from models_zoo.training.recipe import Recipe, Settings, load_recipe


def train(
    recipe: str,
    architecture: str,
    images: Tensor,
    labels: Tensor,
    *,
    classes: int,
    settings: Settings | None = None,
    seed: int = 0,
    name: str | None = None,
    dataset: str = "custom",
    mean: Sequence[float] = (0.0,),
    std: Sequence[float] = (1.0,),
    progress: Progress | None = None,
) -> Classifier:
    """Train a network from scratch; the weights after the last epoch are the result.

    The same seed gives the same weights on the same machine with the same number of threads.
    Nothing is chosen by looking at the held-out part, and the caller's random state is left alone.

    Args:
        recipe: one of :func:`models_zoo.training.list_recipes`.
        architecture: one of :func:`models_zoo.list_architectures`.
        images: float32 (N, C, H, W) in [0, 1], the training split.
        labels: int64 (N,).
        classes: number of logits.
        settings: the recipe's settings; by default its defaults.
        seed: root of every random draw.
        name: what the card calls the model.
        dataset: what the card calls the data.
        mean: normalisation inside the model, per channel or one for all.
        std: likewise.
        progress: called after every epoch.

    Returns:
        The trained classifier, in eval mode; its card says how it was trained.

    Raises:
        InputError: a name is unknown, the architecture does not fit the images, the images are too
            few to hold some back, or the training diverged.
    """
    method = load_recipe(recipe)
    settings = settings or method.settings()
    channels, height, width = images.shape[1:]
    card = Card(
        name=name or f"{architecture}-{recipe}",
        dataset=dataset,
        architecture=architecture,
        classes=classes,
        input_shape=(channels, height, width),
        mean=tuple(mean),
        std=tuple(std),
        training=Training(
            recipe=recipe,
            settings=settings.model_dump(),
            seed=seed,
            data=f"{dataset} training split, {settings.holdout:.0%} of it held out",
        ),
        source="memory",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_architecture(architecture, classes=classes, input_shape=card.input_shape)
        parameters = sum(p.numel() for p in network.parameters())
        model = Classifier(network, card.model_copy(update={"parameters": parameters}))
        _descend(method, model, images, labels, settings, seed, progress)
    return model


def _descend(
    recipe: Recipe,
    model: Classifier,
    images: Tensor,
    labels: Tensor,
    settings: Settings,
    seed: int,
    progress: Progress | None,
) -> None:
    order, attack, augmentation = (
        _generator(seed, purpose) for purpose in ("order", "attack", "augmentation")
    )
    split = torch.randperm(len(labels), generator=_generator(seed, "holdout"))
    held = round(settings.holdout * len(labels))
    if not 1 <= held < len(labels):
        raise InputError(
            f"cannot hold out {settings.holdout:.0%} of {len(labels)} images; give more images"
        )
    part, held_out = split[held:], split[:held]
    steps = -(-len(part) // settings.batch_size) * settings.epochs
    model.requires_grad_(True)
    optimizer = _optimizer(model.parameters(), settings)
    schedule = _schedule(optimizer, settings, steps)
    for number in range(1, settings.epochs + 1):
        start, total = time.perf_counter(), 0.0
        model.train()
        shuffled = part[torch.randperm(len(part), generator=order)]
        for batch in torch.split(shuffled, settings.batch_size):
            augmented = _augmented(images[batch], settings, augmentation)
            loss = recipe.loss(model, augmented, labels[batch], settings, attack)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(batch)
        seconds = time.perf_counter() - start
        if not torch.isfinite(torch.tensor(total)):
            raise InputError(
                f"training diverged in epoch {number}; lower learning_rate "
                f"(it is {settings.learning_rate})"
            )
        if progress:
            clean, robust = held_out_accuracy(
                model,
                images[held_out],
                labels[held_out],
                eps=settings.eps,
                generator=_generator(seed, f"report {number}"),
            )
            progress(Epoch(number, total / len(part), clean, robust, seconds))
    model.eval().requires_grad_(False)


def _augmented(images: Tensor, settings: Settings, generator: torch.Generator) -> Tensor:
    if settings.shift:
        images = shifted(images, settings.shift, generator)
    return flipped(images, generator) if settings.flip else images


def _generator(seed: int, purpose: str) -> torch.Generator:
    digest = hashlib.sha256(f"{seed}|{purpose}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def _optimizer(parameters: Iterable[nn.Parameter], settings: Settings) -> Optimizer:
    rate, decay = settings.learning_rate, settings.weight_decay
    if settings.optimizer == "adam":
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=decay)


def _schedule(optimizer: Optimizer, settings: Settings, steps: int) -> LRScheduler:
    if settings.schedule == "onecycle":
        return OneCycleLR(optimizer, settings.learning_rate, total_steps=steps + 1, pct_start=0.2)
    if settings.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    return LambdaLR(optimizer, lambda _: 1.0)
