"""What the engine's tests share: real models and digits, and a battery small enough for tests."""

from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.batteries import Battery
from benchmark.datasets import Dataset, load_dataset
from benchmark.subject import Subject
from models_zoo import Classifier, load_model

REPOSITORY = Path(__file__).parents[2]
TABLES = {
    "clean": {},
    "checks": {"eps": 0.1, "examples": 16, "steps": 3},
    "input": {
        "linf": [0.05, 0.1],
        "l2": [0.3],
        "headline_linf": 0.1,
        "headline_l2": 0.3,
        "effort": "quick",
    },
    "weight": {"radii": [0.02, 0.05], "headline": 0.05, "steps": 5, "random_draws": 3},
    "joint": {
        "linf": [0.1],
        "radii": [0.05],
        "headline_linf": 0.1,
        "headline_radius": 0.05,
        "shares": [0.5],
    },
    "backdoor": {
        "budgets": [0.1, 0.4],
        "headline": 0.4,
        "triggers": [{"kind": "patch", "size": 2}],
        "steps": 8,
        "bisections": 2,
    },
    "flatness": {
        "eps": 0.1,
        "average_radii": [],
        "worst_radii": [],
        "draws": 2,
        "restarts": 1,
        "epochs": 2,
        "input_steps": 3,
        "measure_examples": 0,
    },
    "matched-flatness": {"confidences": []},
    "intrinsic": {"linf": [0.05, 0.1], "headline": 0.1, "steps": 5, "restarts": 2},
    "bits": {
        "rates": [0.001, 0.01],
        "headline_rate": 0.01,
        "patterns": 2,
        "flips": 3,
        "headline_flips": 2,
        "search_examples": 16,
        "top": 3,
        "draws": 2,
    },
}


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The tests run in several processes."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return load_dataset("digits")


@pytest.fixture(scope="session")
def zoo():
    """``zoo(name)``: a bundled model, loaded once; tests must leave it as it is."""

    @cache
    def load(name: str) -> Classifier:
        return load_model(name)

    return load


@pytest.fixture
def subject(zoo, digits):
    """``subject(name, count)``: a bundled model with the first test digits."""

    def make(name: str = "digits/mlp-standard", count: int = 50, **options) -> Subject:
        some = digits.head(count)
        return Subject(zoo(name), some.images, some.labels, **options)

    return make


@pytest.fixture(scope="session")
def battery():
    """``battery(flatness={...})``: all probes with little effort, some settings replaced."""

    def make(**changes) -> Battery:
        tables = {name: table | changes.get(name, {}) for name, table in TABLES.items()}
        return Battery.model_validate(
            {
                "name": "test-v1",
                "dataset": "digits",
                "description": "Small, for tests.",
                "default": tuple(tables),
                "probes": tables,
            }
        )

    return make


@pytest.fixture(scope="session")
def linear_subject():
    """``linear_subject(count)``: a linear softmax model in float64, images well inside [0, 1]."""

    def make(count=20, seed=0, classes=4, **options) -> Subject:
        g = torch.Generator().manual_seed(seed)
        model = nn.Sequential(nn.Flatten(), nn.Linear(12, classes)).double()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=g))
        model.requires_grad_(False)
        images = 0.3 + 0.4 * torch.rand(count, 3, 2, 2, generator=g, dtype=torch.float64)
        labels = torch.randint(classes, (count,), generator=g)
        return Subject(model, images, labels, **options)

    return make
