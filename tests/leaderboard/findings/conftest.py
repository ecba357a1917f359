"""Made-up stores in which it is known what each finding must say."""

from __future__ import annotations

import hashlib
import math
import types

import numpy as np
import pytest

from benchmark.budgets import Budget
from benchmark.results import Curve, Outcome, ProbeResult, Score, Surface
from benchmark.statistics import exact, mean, proportion
from benchmark.threats import InputThreat, JointThreat, WeightThreat
from leaderboard.store import Store

N = 400
EPS, RADII = [0.0, 0.1, 0.2], [0.0, 0.01, 0.02]
LINF = InputThreat("linf", Budget(EPS[-1]))
WEIGHTS = WeightThreat("relative-l2", Budget(RADII[-1]))


def _narrow(value: float) -> Score:
    """A score whose interval is too narrow to matter."""
    return Score(value=value, n=100, low=value - 1e-3, high=value + 1e-3)


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
    matched=1.0,
    confidence=0.9,
    only=("input", "weight", "flatness", "matched-flatness", "joint", "backdoor", "intrinsic"),
):
    """A model's answers with the numbers that findings read."""
    clean = robust_outcomes(0.98)
    cells = {
        f"cell {row} {column}": Outcome(
            clean if not eps and not radius else robust_outcomes(joint),
            "budget",
            JointThreat(LINF.at(eps), WEIGHTS.at(radius)),
        )
        for row, eps in enumerate(EPS)
        for column, radius in enumerate(RADII)
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
                    series="by input budget",
                    role="budget",
                    threat=LINF,
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
            | ({} if loss is None else {"robust_loss": _narrow(loss)}),
            values={}
            if rises is None
            else {
                "robust loss": [1.0] * len(rises),
                "robust loss, mean over random weights": [1.0 + rise for rise in rises],
            },
        ),
        ProbeResult(
            probe="matched-flatness",
            scores={
                "average_robust": mean(np.linspace(matched - 0.1, matched + 0.1, 10)),
                "confidence": _narrow(confidence),
                "temperature": exact(1.0, N),
            },
        ),
        ProbeResult(
            probe="joint",
            scores={"volume": exact(0.5, N)},
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
                    z=[
                        [float(cells[f"cell {row} {column}"].robust.mean()) for column in range(3)]
                        for row in range(3)
                    ],
                    role="budget",
                    threat=JointThreat(LINF, WEIGHTS),
                )
            ],
        ).with_outcomes(cells | {"headline": Outcome(robust_outcomes(joint), "headline")}),
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
                    role="success",
                    x=[0.0, 0.2],
                    x_text=["0", "0.2"],
                    y=[proportion(robust_outcomes(0.0)), proportion(robust_outcomes(0.8))],
                    **curve,
                )
            ],
        ),
        ProbeResult(
            probe="intrinsic",
            scores={
                name: Score(value=psi, n=N, low=psi * 0.9, high=psi * 1.1)
                for name in ("psi", "psi_median", "normalized_psi", "normalized_psi_median")
            },
            headline_threats=[LINF.at(0.1)],
        ),
    ]
    return [result for result in made if result.probe in only]


@pytest.fixture
def make(made_up):
    """Stores of named models, and the findings from them by key."""
    from leaderboard.findings import make_findings

    settings = {"budgets": [0.1, 0.2], "headline": 0.2, "success": 0.8}
    battery = made_up.Battery(probes=made_up.Battery().probes | {"backdoor": settings})

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
