"""The benchmark: probes over spaces, in batteries.

``evaluate`` asks a model all questions of a battery; ``attack_inputs``, ``attack_weights``,
``attack_joint``, ``certify_joint``, ``inject_backdoor``, ``flatness`` and ``minimal_distances`` ask
one. All take any ``torch.nn.Module`` from images in [0, 1] to logits. Names are resolved on first
use, so that importing the package does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.api import (
        attack_inputs,
        attack_joint,
        attack_weights,
        certify_joint,
        flatness,
        inject_backdoor,
        minimal_distances,
    )
    from benchmark.batteries import Battery, list_batteries, load_battery
    from benchmark.datasets import load_dataset, load_npz
    from benchmark.evaluation import evaluate
    from benchmark.report import Report

__all__ = [
    "Battery",
    "Report",
    "attack_inputs",
    "attack_joint",
    "attack_weights",
    "certify_joint",
    "evaluate",
    "flatness",
    "inject_backdoor",
    "list_batteries",
    "load_battery",
    "load_dataset",
    "load_npz",
    "minimal_distances",
]

_HOMES = {
    "benchmark.api": (
        "attack_inputs",
        "attack_joint",
        "attack_weights",
        "certify_joint",
        "flatness",
        "inject_backdoor",
        "minimal_distances",
    ),
    "benchmark.batteries": ("Battery", "list_batteries", "load_battery"),
    "benchmark.datasets": ("load_dataset", "load_npz"),
    "benchmark.evaluation": ("evaluate",),
    "benchmark.report": ("Report",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public object ``name``, imported from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
