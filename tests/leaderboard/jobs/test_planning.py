"""What is refused before anything is planned, and how often a model is prepared for a plan."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch

from benchmark import load_battery, load_dataset
from benchmark.datasets import Dataset
from benchmark.module_state import ModuleState
from leaderboard.cli import run as command
from leaderboard.jobs.executors.processes import Processes
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import plan_models, score_models
from leaderboard.jobs.sources import ModelSource
from leaderboard.store import Store
from leaderboard.store.jobs import Jobs
from models_zoo import InputError, load_model
from models_zoo.classifier import Classifier

MODEL = "digits/mlp-standard"


def test_a_checkpoint_for_another_data_set_is_refused_before_anything_is_planned():
    data = Dataset("cifar10", "test", torch.rand(8, 3, 32, 32), torch.arange(8), classes=10)
    plain = load_model(MODEL)
    card = card_with(plain.card, dataset="svhn", input_shape=(3, 32, 32))
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, 10))
    model = Classifier(network, card)
    run = Run(load_battery("cifar10-linf-v1"), data, ["clean", "checks"])
    store = Store.open(":memory:")
    with pytest.raises(InputError, match="for svhn") as told:
        score_models([model], run, store)
    assert type(told.value) is InputError, "not once per probe"
    assert "--own-data" in str(told.value)
    assert Jobs(store.engine).statuses() == []
    assert len(plan_models([model], replace(run, own_data=True), store)) == 1


def card_with(card, **changes):
    return card.model_copy(update={"mean": (0.5,) * 3, "std": (0.25,) * 3} | changes)


def test_a_model_is_prepared_once_for_its_plan(monkeypatch):
    model, store = load_model(MODEL), Store.open(":memory:")
    run = Run(load_battery("digits-v1"), load_dataset("digits").head(8), ["clean"])
    score_models([model], run, store)
    prepared, examine = [], ModuleState.examine

    def counted(self, device):
        prepared.append(device)
        return examine(self, device)

    monkeypatch.setattr(ModuleState, "examine", counted)
    further = replace(run, probes=["clean", "intrinsic", "input"])
    (plan,) = plan_models([model], further, store, divides=True)
    assert [*plan.known, *plan.expected] == ["clean", "intrinsic", "input"]
    assert len(prepared) == 1


def test_models_are_not_kept_while_other_processes_work_on_them(monkeypatch, tmp_path):
    alive: list[int] = []

    class Asked(Processes):
        def __enter__(self):
            gc.collect()
            alive.append(sum(each() is not None for each in loaded))
            raise InputError("enough")

    loaded, load = [], ModelSource.load

    def kept(self):
        model = load(self)
        loaded.append(weakref.ref(model))
        return model

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ModelSource, "load", kept)
    monkeypatch.setattr("leaderboard.jobs.scoring.Processes", Asked)
    asked = ("--probe", "clean", "--examples", "8", "--workers", "2", "--no-site")
    assert command(["bench", MODEL, "digits/mlp-pgd-at", *asked]) == 2
    assert (len(loaded), alive) == (2, [0])
