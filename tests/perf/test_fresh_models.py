"""``python -m perf.fresh_models``: what it trains, keeps and lists."""

import sys
from collections import Counter
from dataclasses import replace

import pytest
import torch
from torch import nn

import perf.cases
import perf.fresh_models
from benchmark.spaces import InputBall
from models_zoo import build_architecture, list_models, load_card
from models_zoo.errors import InputError
from models_zoo.training import load_recipe
from models_zoo.training.recipe import Step
from perf import fresh_recipes
from perf.cases import SHARED
from perf.fresh_definitions import FRESH, HALVES, FreshModel
from perf.fresh_models import SHAPES, ensure_trained, fresh_cases, load

SMALL = FreshModel(
    "tuning", "small", "digits", "mlp:12", "pgd-at-ball", 5, {"epochs": 1}, {"l2": (0.2, 0.3)}, 200
)


def halves():
    return {half: [model for model in FRESH if model.half == half] for half in HALVES}


def trained_norms(models):
    return {model.values.get("norm", "linf") for model in models if "steps" in model.values}


def test_the_halves_are_balanced():
    tuning, held_out = halves().values()
    assert len(tuning) >= len(held_out) >= 6
    assert len(tuning) + len(held_out) == len(FRESH)
    for half in (tuning, held_out):
        assert {model.dataset for model in half} == set(SHAPES)
        assert {norm for model in half for norm in model.budgets} == {"linf", "l2", "l1"}
        assert {"linf", "l2"} <= trained_norms(half)
        assert [m for m in half if m.dataset == "mnist" and m.values.get("eps") == 0.3]
        assert [m for m in half if m.recipe in ("standard", "label-smoothing")]
    recipes = {model.recipe.removesuffix("-ball") for model in FRESH}
    assert recipes == {
        *("standard", "label-smoothing", "random-weight-noise", "awp"),
        *("pgd-at", "trades", "mart", "at-awp"),
    }


def test_at_least_thirty_rows_are_held_out(tmp_path):
    labels = [case.label for case in fresh_cases(tmp_path, tmp_path)]
    assert len(labels) == len(set(labels))
    assert Counter(label.partition("/")[0] for label in labels)["held-out"] >= 30


def test_no_model_is_like_another_of_the_project():
    seeds = [model.seed for model in FRESH]
    assert len(set(seeds)) == len(seeds)
    cards = [load_card(name) for name in list_models()]
    used = {card.training.seed for card in cards if card.training}
    assert not used & set(seeds)
    pairs = {(card.dataset, card.architecture, card.recipe) for card in cards}
    pairs |= {("cifar10", architecture, "pgd-at") for architecture, _, _ in SHARED.values()}
    assert not pairs & {(model.dataset, model.architecture, model.recipe) for model in FRESH}


@pytest.mark.parametrize("model", FRESH, ids=[model.name for model in FRESH])
def test_every_definition_can_be_trained(model):
    load_recipe(model.recipe).configure(model.values)
    network = build_architecture(model.architecture, classes=10, input_shape=SHAPES[model.dataset])
    assert sum(each.numel() for each in network.parameters()) < 400_000
    assert set(model.budgets) <= {"linf", "l2", "l1"}


def test_a_model_is_trained_once_and_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(perf.fresh_models, "FRESH", (SMALL,))
    assert ensure_trained(SMALL, tmp_path, tmp_path)
    assert not ensure_trained(SMALL, tmp_path, tmp_path)
    (file,) = tmp_path.iterdir()
    first, second = fresh_cases(tmp_path, tmp_path)
    assert (first.label, second.label) == ("tuning/small l2 0.2", "tuning/small l2 0.3")
    model, data = first.load(), first.examples()
    assert model(data.images).shape == (200, 10)
    assert model.card.name == "tuning/small"
    whole = perf.cases.test_images("digits", tmp_path)
    assert torch.equal(data.images, whole.images[300:500])
    before = file.read_bytes()
    file.unlink()
    assert ensure_trained(SMALL, tmp_path, tmp_path)
    assert file.read_bytes() == before


def test_another_definition_has_another_file(tmp_path):
    others = [
        replace(SMALL, seed=6),
        replace(SMALL, images=201),
        replace(SMALL, settings={"epochs": 2}),
        replace(SMALL, architecture="mlp:13"),
    ]
    assert len({model.file for model in (SMALL, *others)}) == 5
    assert replace(SMALL, budgets={}).file == SMALL.file


def test_the_command_trains_what_matches_and_says_what_is_missing(tmp_path, monkeypatch, capsys):
    models = (SMALL, replace(SMALL, short="other"), replace(SMALL, short="m", dataset="cifar10"))
    monkeypatch.setattr(perf.fresh_models, "FRESH", models)
    folder = tmp_path / "kept" / "here"

    def command(only):
        files = ["--folder", str(folder), "--shared", str(tmp_path)]
        monkeypatch.setattr(sys, "argv", ["fresh_models", *files, "--only", only])
        with pytest.raises(SystemExit) as caught:
            perf.fresh_models.main()
        assert caught.value.code == 0
        return capsys.readouterr().err

    assert "tuning/small: trained in" in command("tuning/small")
    assert len(list(folder.iterdir())) == 1
    again = command("*")
    assert "tuning/small: kept, clean" in again
    assert "tuning/other: trained in" in again
    assert "tuning/m: skipped" in again


def test_a_model_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"run python -m perf\.fresh_models"):
        load(SMALL, tmp_path)


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_images_of_the_adversary_ascend_inside_the_ball(norm):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 4))
    images, labels = torch.rand(6, 1, 4, 4), torch.arange(6) % 4
    settings = fresh_recipes.BallSettings(norm=norm, radius=0.6, steps=4, step_size=0.5)

    def perturbed(done):
        step = Step(images, labels, torch.Generator().manual_seed(1), done)
        return fresh_recipes.images_in_ball(model, step, settings)

    found = perturbed(0.0)
    ball = InputBall(images, norm, 0.6)
    assert ball.contains({"images": found})
    losses = nn.functional.cross_entropy(
        model(torch.cat([images, found])), labels.repeat(2), reduction="none"
    )
    assert bool((losses[6:] > losses[:6]).all())
    assert model.training
    settings = settings.model_copy(update={"eps_ramp": 0.5})
    assert torch.equal(perturbed(0.0), images)
    assert not torch.equal(perturbed(0.25), images)
    assert InputBall(images, norm, 0.3).contains({"images": perturbed(0.25)})
