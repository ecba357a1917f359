"""The functions that run one attack or measure, with settings that take a fraction of a second."""

from collections.abc import Callable
from typing import Any

from benchmark import (
    attack_inputs,
    attack_joint,
    attack_randomized,
    attack_weights,
    certify_joint,
    flatness,
    inject_backdoor,
    inject_sparse_backdoor,
    minimal_distances,
)
from benchmark.attacks.sparse import SparseEffort


def _values(scores: dict[str, Any]) -> dict[str, float]:
    return {name: score.value for name, score in scores.items()}


CALLS: dict[str, Callable[..., Any]] = {
    "attack_inputs": lambda m, x, y: attack_inputs(m, x, y, eps=0.1, effort="quick"),
    "attack_weights": lambda m, x, y: attack_weights(m, x, y, radius=0.3, steps=2),
    "attack_joint": lambda m, x, y: attack_joint(
        m, x, y, eps=0.02, radius=0.02, steps=2, effort="quick"
    ),
    "attack_randomized": lambda m, x, y: attack_randomized(
        m, x, y, eps=0.1, effort="quick", draws=5
    ),
    "certify_joint": lambda m, x, y: certify_joint(m, x, y, eps=1e-3, radius=1e-3),
    "inject_backdoor": lambda m, x, y: inject_backdoor(m, x, y, radius=0.2, steps=2),
    "inject_sparse_backdoor": lambda m, x, y: inject_sparse_backdoor(
        m, x, y, effort=SparseEffort(shortlist=2, deep_steps=1)
    ),
    "flatness": lambda m, x, y: _values(
        flatness(
            m,
            x,
            y,
            eps=0.1,
            average_radii=[],
            worst_radii=[],
            draws=2,
            restarts=1,
            epochs=1,
            input_steps=2,
            measure_examples=0,
        )
    ),
    "minimal_distances": lambda m, x, y: minimal_distances(m, x, y, precision=0.3),
}
"""By name, of a model, images and labels."""
