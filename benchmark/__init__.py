"""The benchmark: probes over spaces, in batteries.

``evaluate`` runs all probes of a battery on a model; ``attack_inputs``, ``attack_weights``,
``attack_joint``, ``attack_randomized``, ``certify_joint``, ``inject_backdoor``,
``inject_sparse_backdoor``, ``flatness`` and ``minimal_distances`` run one attack or measure.
``InputAttack``, ``RandomizedAttack``, ``WeightAttack``, ``JointAttack``, ``BackdoorAttack``,
``SparseBackdoorAttack`` and ``BitFlipAttack`` are the attacks as objects, each with a threat. All
take any ``torch.nn.Module`` from images in [0, 1] to logits; those on weights alone take models of
texts as well, for which ``draw_trigger`` chooses the words of a backdoor. Names are resolved on
first use, so that importing the package does not load torch.
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
    from benchmark.attacks.attack import Attack, RunOptions
    from benchmark.attacks.inputs import InputAttack
    from benchmark.attacks.library import (
        BackdoorAttack,
        BitFlipAttack,
        JointAttack,
        WeightAttack,
    )
    from benchmark.attacks.randomized import RandomizedAttack, attack_randomized
    from benchmark.attacks.result import AttackResult
    from benchmark.attacks.sparse import SparseBackdoorAttack, inject_sparse_backdoor
    from benchmark.batteries import Battery, list_batteries, load_battery
    from benchmark.budgets import Budget
    from benchmark.datasets import load_dataset, load_npz
    from benchmark.evaluation import evaluate
    from benchmark.report import Report
    from benchmark.threats import (
        BackdoorThreat,
        BitErrorThreat,
        BitFlipThreat,
        InputThreat,
        JointThreat,
        SparseBackdoorThreat,
        WeightThreat,
    )
    from benchmark.triggers import TokenTrigger
    from benchmark.triggers.words import draw_trigger

__all__ = [
    "Attack",
    "AttackResult",
    "BackdoorAttack",
    "BackdoorThreat",
    "Battery",
    "BitErrorThreat",
    "BitFlipAttack",
    "BitFlipThreat",
    "Budget",
    "InputAttack",
    "InputThreat",
    "JointAttack",
    "JointThreat",
    "RandomizedAttack",
    "Report",
    "RunOptions",
    "SparseBackdoorAttack",
    "SparseBackdoorThreat",
    "TokenTrigger",
    "WeightAttack",
    "WeightThreat",
    "attack_inputs",
    "attack_joint",
    "attack_randomized",
    "attack_weights",
    "certify_joint",
    "draw_trigger",
    "evaluate",
    "flatness",
    "inject_backdoor",
    "inject_sparse_backdoor",
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
    "benchmark.attacks.attack": ("Attack", "RunOptions"),
    "benchmark.attacks.inputs": ("InputAttack",),
    "benchmark.attacks.library": (
        "BackdoorAttack",
        "BitFlipAttack",
        "JointAttack",
        "WeightAttack",
    ),
    "benchmark.attacks.randomized": ("RandomizedAttack", "attack_randomized"),
    "benchmark.attacks.result": ("AttackResult",),
    "benchmark.attacks.sparse": ("SparseBackdoorAttack", "inject_sparse_backdoor"),
    "benchmark.batteries": ("Battery", "list_batteries", "load_battery"),
    "benchmark.budgets": ("Budget",),
    "benchmark.datasets": ("load_dataset", "load_npz"),
    "benchmark.evaluation": ("evaluate",),
    "benchmark.report": ("Report",),
    "benchmark.threats": (
        "BackdoorThreat",
        "BitErrorThreat",
        "BitFlipThreat",
        "InputThreat",
        "JointThreat",
        "SparseBackdoorThreat",
        "WeightThreat",
    ),
    "benchmark.triggers": ("TokenTrigger",),
    "benchmark.triggers.words": ("draw_trigger",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public object ``name``, imported from its module on first use."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
