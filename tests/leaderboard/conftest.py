"""A realistic, made-up set of results, so that no attack runs in these tests."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import BaseModel, ConfigDict

from benchmark.batteries import content_sha256
from benchmark.budgets import Budget
from benchmark.interval_kinds import INTERVALS_VERSION
from benchmark.results import (
    Bars,
    Cost,
    Curve,
    OutcomeKind,
    ProbeResult,
    Provenance,
    Score,
    Surface,
    Thumbnail,
)
from benchmark.statistics import exact, proportion
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat, WeightThreat
from leaderboard.store import Store
from models_zoo.card import Card, Training

N = 200
EPS = [0.0, 0.05, 0.1, 0.2, 0.3]
RADII = [0.0, 0.05, 0.1, 0.2, 0.4]

LINF, L2 = InputThreat("linf", Budget(EPS[3])), InputThreat("l2", Budget(EPS[3]))
WEIGHTS = WeightThreat("relative-l2", Budget(RADII[3]))
BACKDOOR = BackdoorThreat("relative-linf", Budget(RADII[2]))
BOTH = JointThreat(LINF.at(EPS[2]), WEIGHTS)


class MadeUpBattery(BaseModel):
    """Stands in for a battery, so that these tests hold whatever the real ones contain."""

    model_config = ConfigDict(frozen=True)

    name: str = "digits-v1"
    dataset: str = "digits"
    description: str = "Digits under input, weight, joint and backdoor adversaries."
    default: tuple[str, ...] = ("clean", "input", "weight", "joint", "backdoor")
    probes: dict[str, dict[str, object]] = {
        "clean": {},
        "input": {"norms": {"linf": ["0.1", "0.2"], "l2": ["0.5"]}, "effort": "standard"},
        "weight": {"radii": [0.05, 0.1, 0.2], "steps": 20},
        "joint": {"eps": [0.1], "radii": [0.1]},
        "backdoor": {"budgets": [0.001, 0.01], "target": 0},
    }

    @property
    def sha256(self) -> str:
        return content_sha256(self.model_dump(mode="json"), {})


def make_card(name="digits/cnn-standard", recipe="standard", **changes) -> Card:
    settings = {"eps": 0.2, "steps": 10} if recipe != "standard" else {}
    training = Training(recipe=recipe, settings=settings, seed=0, data="digits train, 1,197 images")
    return Card(
        name=name,
        **{
            "dataset": "digits",
            "architecture": name.split("/")[-1].split("-")[0],
            "input_shape": (1, 8, 8),
            "mean": (0.5,),
            "std": (0.25,),
            "training": training,
            "clean_accuracy": 0.97,
            "licence": "Apache-2.0",
            "checkpoint": "cnn-standard.safetensors",
            "sha256": "c" * 64,
        }
        | changes,
    )


def make_provenance(battery, fingerprint="a" * 64, **changes) -> Provenance:
    return Provenance(
        **{
            "fingerprint": fingerprint,
            "checkpoint_sha256": "c" * 64,
            "data_sha256": "d" * 64,
            "examples": N,
            "battery": battery.name,
            "battery_sha256": battery.sha256,
            "intervals": INTERVALS_VERSION,
            "seed": 0,
            "device": "cpu",
            "threads": 1,
            "versions": {"python": "3.12.1", "torch": "2.6.0"},
            "created": "2026-01-02T03:04:05+00:00",
        }
        | changes
    )


def decay(strength, budgets, hardness) -> np.ndarray:
    """Bool (budgets, N): example i is broken at its own budget, so the rows are nested."""
    limits = np.linspace(0, 1, N) ** hardness * strength
    return np.array([limits * 2 >= budget for budget in budgets])


def about(role, threat=None) -> OutcomeKind:
    return OutcomeKind(role=role, threat=threat)


def curve(picture, series, budgets, rows, label, role="budget", threat=None) -> Curve:
    return Curve(
        picture=picture,
        series=series,
        x_label=label,
        y_label="robust accuracy",
        x=budgets,
        x_text=[f"{b:g}" for b in budgets],
        y=[proportion(row) for row in rows],
        unit="share",
        role=role,
        threat=threat and threat.at(budgets[-1]),
    )


def surface_of(picture, label, z, role) -> Surface:
    return Surface(
        picture=picture,
        x_label="input budget",
        y_label="relative radius",
        z_label=label,
        x=EPS,
        y=RADII,
        x_text=[f"{b:g}" for b in EPS],
        y_text=[f"{b:g}" for b in RADII],
        z=z,
        unit="share",
        role=role,
        threat=JointThreat(LINF.at(EPS[-1]), WEIGHTS.at(RADII[-1])),
    )


def make_results(strength=0.2) -> dict[str, ProbeResult]:
    """Answers of a model that is robust up to input budgets of about ``strength``."""
    protocol = {"ball": "linf", "steps": 50, "restarts": 2, "rule": "weights of 2 or more axes"}
    clean = np.arange(N) >= 6
    linf, l2 = decay(strength, EPS, 0.8) & clean, decay(strength * 2, EPS, 0.8) & clean
    weight = decay(0.1 + strength / 3, RADII, 0.5) & clean
    random = decay(0.9, RADII, 0.2) & clean
    surface = [[float((a & b).mean()) for a in linf] for b in weight]
    proven = [
        [value if i == j == 0 else value / 8 for j, value in enumerate(row)]
        for i, row in enumerate(surface)
    ]
    seconds = 1.25
    return {
        "clean": ProbeResult(
            probe="clean",
            scores={
                "accuracy": proportion(clean),
                "cross_entropy": Score(value=0.1, n=N, low=0.08, high=0.12),
            },
            outcomes={"headline": clean},
            outcome_kinds={"headline": about("headline")},
            share_of={"accuracy": "headline"},
            cost=Cost(seconds=0.01, forwards=N, peak_memory=300_000_000),
        ),
        "input": ProbeResult(
            probe="input",
            scores={
                "robust_accuracy": proportion(linf[3]),
                "robust_accuracy_l2": proportion(l2[3]),
            },
            outcomes={"headline": linf[3], "l2": l2[3]},
            outcome_kinds={"headline": about("headline", LINF), "l2": about("budget", L2)},
            share_of={"robust_accuracy": "headline", "robust_accuracy_l2": "l2"},
            headline_threats=[LINF, L2],
            curves=[
                curve("robust_accuracy_linf", "linf", EPS, linf, "input budget", threat=LINF),
                curve("robust_accuracy_l2", "l2", EPS, l2, "input budget", threat=L2),
            ],
            protocol=protocol,
            cost=Cost(seconds=seconds, forwards=90_000, backwards=80_000, peak_memory=3 * 10**8),
        ),
        "weight": ProbeResult(
            probe="weight",
            scores={
                "robust_accuracy": proportion(weight[3]),
                "random_accuracy": proportion(random[3]),
            },
            outcomes={"headline": weight[3]},
            outcome_kinds={"headline": about("headline", WEIGHTS)},
            share_of={"robust_accuracy": "headline"},
            headline_threats=[WEIGHTS],
            curves=[
                curve("accuracy", "worst found", RADII, weight, "relative radius", threat=WEIGHTS),
                curve(
                    *("accuracy", "random direction", RADII, random, "relative radius"),
                    role="control",
                    threat=WEIGHTS,
                ),
            ],
            bars=[
                Bars(
                    picture="layer_sensitivity",
                    series="worst found",
                    x_label="layer",
                    y_label="accuracy",
                    names=["conv1", "conv2", "linear"],
                    y=[proportion(row) for row in weight[1:4]],
                    unit="share",
                    role="budget",
                    threat=WEIGHTS,
                )
            ],
            protocol=protocol,
            cost=Cost(seconds=seconds, forwards=20_000, backwards=20_000),
        ),
        "joint": ProbeResult(
            probe="joint",
            scores={
                "robust_accuracy": proportion(linf[2] & weight[3]),
                "volume": exact(float(np.mean(surface)), N),
            },
            outcomes={"headline": linf[2] & weight[3]},
            outcome_kinds={"headline": about("headline", BOTH)},
            share_of={"robust_accuracy": "headline"},
            headline_threats=[BOTH],
            surfaces=[
                surface_of("joint_accuracy", "accuracy", surface, "budget"),
                surface_of("joint_certified", "certified accuracy", proven, "certificate"),
            ],
            protocol=protocol,
            cost=Cost(seconds=3 * seconds, forwards=200_000, backwards=180_000),
        ),
        "backdoor": ProbeResult(
            probe="backdoor",
            scores={
                "success": proportion(np.arange(N) < 150),
                "smallest_budget": exact(math.inf, N),
            },
            outcomes={"triggered": random[2] & (np.arange(N) % 3 > 0)},
            outcome_kinds={"triggered": about("budget", BACKDOOR)},
            headline_threats=[BACKDOOR],
            thumbnails=[
                Thumbnail.of("triggers", "untouched", torch.linspace(0, 1, 64).view(1, 8, 8)),
                Thumbnail.of("triggers", "3x3 patch", torch.ones(3, 8, 8)),
            ],
            protocol={"target": 0, "patch": "3x3, lower right"},
            cost=Cost(seconds=seconds),
        ),
        "input-autoattack": ProbeResult(
            probe="input-autoattack",
            scores={"robust_accuracy": proportion(linf[3])},
            outcomes={"headline": linf[3]},
            outcome_kinds={"headline": about("reference", LINF)},
            share_of={"robust_accuracy": "headline"},
            headline_threats=[LINF],
            protocol={"norm": "linf", "budget": EPS[3], "version": "standard"},
        ),
    }


ZOO = [
    ("digits/cnn-standard", "standard", 0.03),
    ("digits/cnn-pgd-at", "pgd-at", 0.3),
    ("digits/mlp-standard", "standard", 0.02),
    ("digits/mlp-pgd-at", "pgd-at", 0.25),
]


def fill(store, zoo=ZOO, battery=None, **changes) -> None:
    """Save the made-up results of a made-up zoo."""
    battery = battery or MadeUpBattery()
    for name, recipe, strength in zoo:
        print_ = hashlib.sha256(name.encode()).hexdigest()
        provenance = make_provenance(battery, print_, **changes)
        for result in make_results(strength).values():
            store.save(make_card(name, recipe), provenance, battery, result)


@pytest.fixture
def battery() -> MadeUpBattery:
    return MadeUpBattery()


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """``new_database()``: the address of a database without rows, on SQLite and on PostgreSQL."""
    with ExitStack() as used:
        if request.param == "sqlite":
            numbers = count()
            yield lambda: str(tmp_path / f"new-{next(numbers)}.sqlite")
        else:
            databases = request.getfixturevalue("databases")
            yield lambda: used.enter_context(databases.empty())


@pytest.fixture
def store() -> Store:
    return Store.open(":memory:")


@pytest.fixture
def filled(store: Store) -> Store:
    fill(store)
    return store


@pytest.fixture(scope="session")
def zoo_store() -> Store:
    """The made-up zoo's results; only to be read."""
    store = Store.open(":memory:")
    fill(store)
    return store


@pytest.fixture
def made_up():
    """The makers above, for tests that need their own cards, answers or zoos."""
    import types

    return types.SimpleNamespace(
        card=make_card,
        provenance=make_provenance,
        results=make_results,
        fill=fill,
        about=about,
        zoo=ZOO,
        Battery=MadeUpBattery,
    )
