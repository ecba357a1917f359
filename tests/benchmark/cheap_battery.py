"""A battery of every probe with next to no effort, for tests of what holds whatever it finds."""

from __future__ import annotations

from typing import Any

import pytest
from pyautoattack.fab_pt import FABAttack_PT
from pyautoattack.square import SquareAttack

from benchmark.batteries import Battery

TABLES: dict[str, dict[str, Any]] = {
    "clean": {},
    "checks": {"eps": 0.1, "examples": 4, "steps": 2},
    "input": {
        "linf": [0.1],
        "l2": [0.3],
        "headline_linf": 0.1,
        "headline_l2": 0.3,
        "effort": "quick",
    },
    "input-autoattack": {"eps": 0.5},
    "weight": {"radii": [0.05], "headline": 0.05, "steps": 2, "random_draws": 2},
    "joint": {
        "linf": [0.1],
        "radii": [0.05],
        "headline_linf": 0.1,
        "headline_radius": 0.05,
        "shares": [0.5],
    },
    "backdoor": {
        "budgets": [0.2],
        "headline": 0.2,
        "triggers": [{"kind": "patch", "size": 2}],
        "steps": 2,
        "bisections": 1,
    },
    "flatness": {
        "eps": 0.1,
        "average_radii": [],
        "worst_radii": [],
        "draws": 2,
        "restarts": 1,
        "epochs": 1,
        "input_steps": 2,
        "measure_examples": 0,
    },
    "matched-flatness": {"confidences": []},
    "intrinsic": {"linf": [0.1], "headline": 0.1, "steps": 2, "restarts": 1},
    "bits": {
        "rates": [0.01],
        "headline_rate": 0.01,
        "patterns": 2,
        "flips": 2,
        "headline_flips": 1,
        "search_examples": 4,
        "top": 2,
        "draws": 2,
    },
    "backdoor-sparse": {
        "counts": [1, 2],
        "storages": ["float32-bits"],
        "triggers": [{"kind": "patch", "size": 1}],
        "optimized": ["pixels"],
        "trigger_steps": 2,
        "starts": 1,
        "rounds": 0,
        "examples": 8,
        "shortlist": 2,
        "deep_steps": 1,
    },
    "distance": {"linf": 0.3, "l2": 1.0, "headline_linf": 0.1, "precision": 0.3, "rungs": 3},
    "corruptions": {"resamples": 100},
    "concepts": {
        "contains": [1],
        "lacks": [0, 2, 3],
        "images": 3,
        "directions": 2,
        "seeds": 3,
        "averaged": 2,
    },
    "randomized": {"eps": 0.1, "effort": "quick", "draws": 10},
    "detection": {
        "eps": 0.1,
        "dataset": "digits",
        "train_images": 50,
        "validation_images": 500,
        "epochs": 1,
        "components": 2,
        "confidences": [1],
        "steps": 2,
        "searches": 1,
        "attacked": 4,
        "adaptive_steps": 2,
    },
    "regional": {"centre_edges": [2], "random_pixels": [3], "steps": 2, "examples": 3},
}


def battery() -> Battery:
    return Battery.model_validate(
        {
            "name": "caller-v1",
            "dataset": "made-up",
            "description": "Every probe with next to no effort.",
            "default": tuple(TABLES),
            "probes": TABLES,
        }
    )


def shorten_autoattack(patch: pytest.MonkeyPatch) -> None:
    """Give AutoAttack few queries of Square and few steps of FAB, which take most of the time."""
    for attack, length, few in ((SquareAttack, "n_queries", 50), (FABAttack_PT, "n_iter", 10)):
        perturb = attack.perturb

        def shorter(
            self: Any, *arguments: Any, perturb: Any = perturb, length: str = length, few: int = few
        ) -> Any:
            setattr(self, length, few)
            return perturb(self, *arguments)

        patch.setattr(attack, "perturb", shorter)
