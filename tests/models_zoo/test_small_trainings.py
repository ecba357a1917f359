"""Trainings of few images, few steps and odd batches: weights, or one line that says why not."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from models_zoo.errors import InputError
from models_zoo.training import list_recipes, load_recipe, train
from models_zoo.training.descent import optimizer_of, schedule_of
from models_zoo.training.recipe import Settings


def trained(recipe, architecture, count, **values):
    images = torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    settings = load_recipe(recipe).configure(values)
    labels = torch.arange(count) % 10
    return train(recipe, architecture, images, labels, classes=10, settings=settings)


@pytest.mark.parametrize("steps", range(1, 12))
@pytest.mark.parametrize("schedule", ["onecycle", "cosine", "constant"])
def test_any_number_of_steps_has_a_schedule(steps, schedule):
    weight = torch.nn.Parameter(torch.zeros(1))
    settings = Settings(schedule=schedule, learning_rate=0.1)
    optimizer = optimizer_of([weight], settings)
    course = schedule_of(optimizer, settings, steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        weight.grad = torch.ones(1)
        optimizer.step()
        course.step()
    assert all(0 < rate <= 0.1 * (1 + 1e-9) for rate in rates)


@pytest.mark.parametrize("steps", [5, 10, 80, 1500])
def test_the_schedule_of_longer_trainings_is_the_one_the_zoo_was_trained_with(steps):
    weight = torch.nn.Parameter(torch.zeros(1))
    settings = Settings(learning_rate=0.1)
    ours: Any = schedule_of(optimizer_of([weight], settings), settings, steps)
    plain = torch.optim.lr_scheduler.OneCycleLR(
        optimizer_of([weight], settings), 0.1, total_steps=steps + 1, pct_start=0.2
    )
    assert ours.get_last_lr() == plain.get_last_lr()
    assert ours.total_steps == plain.total_steps
    assert ours._schedule_phases == plain._schedule_phases


SMALL = [
    {"count": 6, "epochs": 1},
    {"count": 6, "epochs": 1, "batch_size": 1},
    {"count": 6, "epochs": 4},
    {"count": 5, "epochs": 1, "batch_size": 1, "holdout": 0.2},
    {"count": 6, "epochs": 2, "batch_size": 3},
    {"count": 2, "epochs": 4, "holdout": 0.5},
    {"count": 3, "epochs": 1, "batch_size": 10_000, "holdout": 0.4},
    {"count": 40, "epochs": 1, "batch_size": 35},
    {"count": 9, "epochs": 1, "batch_size": 2},
    {"count": 12, "epochs": 1, "batch_size": 3, "holdout": 0.9},
    {"count": 6, "epochs": 1, "ema": 0.9, "shift": 3, "flip": True, "noise": 0.2, "clip": 0.1},
]


@pytest.mark.parametrize("values", SMALL, ids=str)
def test_a_small_training_ends_in_weights(values):
    model = trained("standard", "mlp", **values)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


@pytest.mark.parametrize("recipe", list_recipes())
def test_every_recipe_takes_one_step(recipe):
    model = trained(recipe, "mlp", 6, epochs=1)
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_too_few_images_are_one_line(count):
    with pytest.raises(InputError, match=f"cannot hold out 10% of {count} images"):
        trained("standard", "mlp", count, epochs=1)


@pytest.mark.parametrize("epochs", [0, -1, "none"])
def test_no_epochs_are_one_line(epochs):
    with pytest.raises(InputError, match="epochs"):
        trained("standard", "mlp", 9, epochs=epochs)


def test_a_batch_too_small_for_batch_normalization_is_one_line():
    with pytest.raises(InputError, match="choose another batch_size than 1"):
        trained("standard", "resnet18", 6, epochs=1, batch_size=1)
