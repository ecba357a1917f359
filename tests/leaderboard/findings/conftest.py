"""Made-up stores in which it is known what each finding must say."""

from __future__ import annotations

import hashlib
import math
import types

import numpy as np
import pytest

from benchmark.results import Curve, ProbeResult, Score, Surface
from benchmark.statistics import exact, mean, proportion
from leaderboard.store import Store

N = 400
EPS, RADII = [0.0, 0.1, 0.2], [0.0, 0.01, 0.02]


def robust_outcomes(share, n=N):
    """Bool (n,): the first so many stand, so that two models differ on the examples between."""
    return np.arange(n) < round(share * n)


def answers(
    *,
    inputs=0.5,
    weights=0.9,
    flatness=1.0,
    joint=0.4,
    smallest=0.4,
    change=None,
    psi=1.0,
    at_psi_budget=None,
    loss=None,
    rises=None,
    only=("input", "weight", "flatness", "joint", "backdoor", "intrinsic"),
):
    """A model's answers with the numbers that findings read."""
    clean = robust_outcomes(0.98)
    cells = {
        f"{eps:.6g}x{radius:.6g}": clean if not eps and not radius else robust_outcomes(joint)
        for eps in EPS
        for radius in RADII
    }
    nats = mean(np.linspace(flatness - 0.1, flatness + 0.1, 10))
    at_psi = robust_outcomes(inputs if at_psi_budget is None else at_psi_budget)
    curve = {"picture": "p", "x_label": "budget", "y_label": "share"}
    made = [
        ProbeResult(
            probe="input",
            scores={"robust_accuracy": proportion(robust_outcomes(inputs))},
            outcomes={"headline": robust_outcomes(inputs)},
            curves=[
                Curve(
                    series="linf",
                    x=EPS,
                    x_text=["0", "0.1", "0.2"],
                    y=[proportion(bits) for bits in (clean, at_psi, robust_outcomes(inputs))],
                    **curve,
                )
            ],
        ),
        ProbeResult(
            probe="weight",
            scores={"robust_accuracy": proportion(robust_outcomes(weights))},
            outcomes={"headline": robust_outcomes(weights)},
        ),
        ProbeResult(
            probe="flatness",
            scores={
                "average_robust": nats,
                "worst_robust": exact(flatness / 2, 100),
                "average_calibrated": nats,
                "average_error": mean([0.1, 0.12]),
            }
            | ({} if loss is None else {"robust_loss": exact(loss, 100)}),
            values={}
            if rises is None
            else {
                "robust loss": [1.0] * len(rises),
                "robust loss, mean over random weights": [1.0 + rise for rise in rises],
            },
        ),
        ProbeResult(
            probe="joint",
            scores={"volume": exact(0.5, N)},
            outcomes=cells | {"headline": robust_outcomes(joint)},
            surfaces=[
                Surface(
                    picture="joint_accuracy",
                    x_label="weight radius",
                    y_label="linf",
                    z_label="accuracy",
                    x=RADII,
                    y=EPS,
                    x_text=["0", "0.01", "0.02"],
                    y_text=["0", "0.1", "0.2"],
                    z=[[float(cells[f"{e:.6g}x{r:.6g}"].mean()) for r in RADII] for e in EPS],
                )
            ],
        ),
        ProbeResult(
            probe="backdoor",
            scores={
                "smallest_budget": exact(smallest, N),
                **({} if change is None else {"smallest_change": exact(change, N)}),
                "success": proportion(robust_outcomes(0.8)),
                "relative_change": exact(0.05, N),
                "clean_drop": mean([0.0, 0.01, 0.02]),
            },
            curves=[
                Curve(
                    series="success",
                    x=[0.0, 0.2],
                    x_text=["0", "0.2"],
                    y=[proportion(robust_outcomes(0.0)), proportion(robust_outcomes(0.8))],
                    **curve,
                )
            ],
            protocol={"counts as working": "90% success for at most 1.0% of accuracy"},
        ),
        ProbeResult(
            probe="intrinsic",
            scores={
                name: Score(value=psi, n=N, low=psi * 0.9, high=psi * 1.1)
                for name in ("psi", "psi_median", "normalized_psi", "normalized_psi_median")
            },
            protocol={"headline linf budget": 0.1},
        ),
    ]
    return [result for result in made if result.probe in only]


@pytest.fixture
def make(made_up):
    """Stores of named models, and the findings from them by key."""
    from leaderboard.findings import make_findings

    battery = made_up.Battery()

    def add(store, name, recipe, *, training=None, training_loss=None, early=None, **numbers):
        card = made_up.card(f"digits/{name}", recipe)
        stated = card.training.model_copy(update={"epoch": early})
        card = card.model_copy(
            update={"training": stated, "architecture": name.split("-")[0], "sha256": None}
        )
        print_ = hashlib.sha256(name.encode()).hexdigest()
        for result in answers(**numbers):
            store.save(card, made_up.provenance(battery, print_, examples=N), battery, result)
        if training is not None:
            where = made_up.provenance(
                battery, print_, examples=N, split="train", data_sha256="e" * 64
            )
            probes = ("input",) if training_loss is None else ("input", "flatness")
            for result in answers(inputs=training, loss=training_loss, only=probes):
                store.save(card, where, battery, result)

    def store(*models):
        filled = Store.open(":memory:")
        for name, recipe, numbers in models:
            add(filled, name, recipe, **numbers)
        return filled

    def findings(*models):
        return {found.key: found for found in make_findings(store(*models).entries())}

    return types.SimpleNamespace(store=store, findings=findings, infinite=math.inf)
