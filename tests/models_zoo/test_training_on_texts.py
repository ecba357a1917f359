"""Recipes that perturb no images train networks of texts."""

import pytest
import torch
from torch.nn import functional as F

from models_zoo import InputError
from models_zoo.training import Epoch, list_recipes, load_recipe, train
from models_zoo.training.recipe import Step
from models_zoo.training.weights import kernels
from tests.texts import WORDS, text_model, tiny_texts

TEXT_RECIPES = ("awp", "label-smoothing", "random-weight-noise", "standard")


def run(recipe, data, progress=None, **values):
    settings = {"epochs": 6, "batch_size": 16, "learning_rate": 0.02} | values
    return train(
        recipe,
        f"mean-linear:{len(WORDS)}",
        data.images,
        data.labels,
        classes=2,
        settings=load_recipe(recipe).configure(settings),
        progress=progress,
        tokens=data.inputs,
    )


@pytest.mark.parametrize("recipe", TEXT_RECIPES)
def test_recipes_that_perturb_no_images_learn_texts(recipe):
    data = tiny_texts(200)
    epochs: list[Epoch] = []
    model = run(recipe, data, epochs.append)
    assert model.card.inputs == data.inputs
    assert float((model(data.images).argmax(1) == data.labels).double().mean()) > 0.9
    assert [epoch.robust for epoch in epochs] == [None] * 6


def test_recipes_that_perturb_images_are_refused():
    assert {name for name in list_recipes() if load_recipe(name).texts} == set(TEXT_RECIPES)
    with pytest.raises(InputError, match=r"recipe pgd-at perturbs images.*awp, label-smoothing"):
        run("pgd-at", tiny_texts())
    for setting in ({"shift": 1}, {"flip": True}, {"noise": 0.1}):
        with pytest.raises(InputError, match="shift, flip and noise change images"):
            run("standard", tiny_texts(), **setting)


def test_awp_descends_the_loss_at_the_worst_weights_of_clean_inputs():
    data, model, recipe = tiny_texts(), text_model(), load_recipe("awp")
    model.requires_grad_(True)
    step = Step(data.images, data.labels, torch.Generator(), 0.5)
    gamma = 0.05
    found = recipe.loss(model, step, recipe.configure({"gamma": gamma}))
    own = F.cross_entropy(model(data.images), data.labels)
    gradients = torch.autograd.grad(own, list(kernels(model).values()))
    with torch.no_grad():
        for weight, gradient in zip(kernels(model).values(), gradients, strict=True):
            weight += gamma * weight.norm() * gradient / gradient.norm()
        assert float(found.detach()) == pytest.approx(
            float(F.cross_entropy(model(data.images), data.labels)), rel=1e-5
        )
    assert float(found.detach()) > float(own.detach())
    plain = recipe.loss(text_model(), step, recipe.configure({"gamma": 0}))
    assert float(plain) == float(own.detach())
