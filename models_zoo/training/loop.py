"""The training loop of all recipes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from models_zoo.architectures import build_architecture
from models_zoo.card import Card, Training
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from models_zoo.inputs import Tokens, kind_of
from models_zoo.training.progress import Epoch, Progress
from models_zoo.training.recipe import Recipe, Settings, list_recipes, load_recipe
from models_zoo.training.run import Run
from models_zoo.training.state import Identity, digest, load_state, save_state

Snapshot = Callable[[Classifier], object]
"""Called with the model after an epoch that is kept; its card states the epoch."""


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
    data: str | None = None,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
    state: Path | None = None,
    keep: Collection[int] = (),
    snapshot: Snapshot | None = None,
    tokens: Tokens | None = None,
) -> Classifier:
    """Train a network from scratch; the weights after the last epoch are the result.

    The same seed gives the same weights on the same machine with the same number of threads.
    No choice depends on the held-out part, and the caller's random state is not changed.

    Args:
        recipe: one of :func:`models_zoo.training.list_recipes`.
        architecture: one of :func:`models_zoo.list_architectures`.
        images: float32 (N, C, H, W) in [0, 1], the training split; or token ids, int64 (N, L).
        labels: int64 (N,).
        classes: number of logits.
        settings: the recipe's settings; ``None`` for its defaults.
        seed: root of every random draw.
        name: of the model on its card.
        dataset: name of the data set on the card.
        mean: subtracted inside the model, per channel or one for all.
        std: divided by afterwards, per channel or one for all.
        data: description of the training images on the card; by default the data set's training
            split.
        device: where to compute.
        progress: called after every epoch.
        state: file that holds the state of the training after every epoch; if it exists, the
            training resumes from it, with the same final weights bit for bit. The caller deletes
            it.
        keep: epochs before the last whose weights are also kept.
        snapshot: called with these models.
        tokens: what the token ids are, if these are not images.

    Returns:
        The trained classifier, in eval mode; its card says how it was trained.

    Raises:
        InputError: a name is unknown, the architecture does not fit the images, there are too few
            images to hold some out, the training diverged, or ``state`` is that of another training
            run.
    """
    method = load_recipe(recipe)
    settings = settings or method.settings()
    unknown = sorted(set(keep) - set(range(1, settings.epochs)))
    if unknown:
        raise InputError(
            f"cannot keep epoch {unknown[0]} of {settings.epochs}; "
            "give epochs before the last, which is kept anyway"
        )
    if kind_of(images) == "tokens":
        require_trainable_on_texts(method, settings)
    card = Card(
        name=name or f"{architecture}-{recipe}",
        dataset=dataset,
        architecture=architecture,
        classes=classes,
        input_shape=tuple(images.shape[1:]),
        mean=tuple(mean),
        std=tuple(std),
        training=Training(
            recipe=recipe,
            settings=settings.model_dump(),
            seed=seed,
            data=f"{data or f'{dataset} training split'}, {settings.holdout:.0%} of it held out",
            extra_data=None if data else False,
        ),
        source="memory",
        tokens=tokens,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_architecture(architecture, classes=classes, input_shape=card.input_shape)
        parameters = sum(p.numel() for p in network.parameters())
        card = card.model_copy(update={"parameters": parameters})
        run = Run(method, Classifier(network, card).to(device), images, labels, settings, seed)
        start = 0
        identity = _identity(card, settings, seed, digest(images, labels)) if state else {}
        if state and (earlier := load_state(state, identity)):
            run.restore(earlier)
            start = int(earlier["epoch"])
        for number in range(start + 1, settings.epochs + 1):
            started = time.perf_counter()
            loss = run.epoch(number)
            seconds = time.perf_counter() - started
            if progress:
                progress(Epoch(number, loss, *run.accuracy(number), seconds))
            if number in keep and snapshot:
                snapshot(_frozen(run.result, number))
            if state:
                save_state(state, identity, {"epoch": number, **run.state()})
    return _frozen(run.result)


def require_trainable_on_texts(recipe: Recipe, settings: Settings) -> None:
    """Refuse recipes and augmentations of images.

    Raises:
        InputError: it perturbs or augments images.
    """
    if not recipe.texts:
        known = ", ".join(name for name in list_recipes() if load_recipe(name).texts)
        raise InputError(
            f"recipe {recipe.name} perturbs images, and the data are token ids; choose one of "
            f"{known}"
        )
    if settings.shift or settings.flip or settings.noise:
        raise InputError("shift, flip and noise change images, and the data are token ids")


def _frozen(model: Classifier, epoch: int | None = None) -> Classifier:
    """A copy of a model on the CPU; its card states the epoch if it is not the last."""
    copy = deepcopy(model).cpu().eval().requires_grad_(False)
    if epoch is not None and copy.card.training is not None:
        training = copy.card.training.model_copy(update={"epoch": epoch})
        copy.card = copy.card.model_copy(update={"training": training})
    return copy


def _identity(card: Card, settings: Settings, seed: int, data: str) -> Identity:
    chosen = {f"setting {name}": value for name, value in settings.model_dump().items()}
    return {
        "recipe": card.recipe,
        "architecture": card.architecture,
        "seed": seed,
        **chosen,
        "classes": card.classes,
        "mean": str(card.mean),
        "std": str(card.std),
        "data": data,
    }
