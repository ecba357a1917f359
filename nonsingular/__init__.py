"""Everything that scripts and notebooks need, under one name: ``import nonsingular as ns``.

``ns.evaluate`` scores any ``torch.nn.Module`` with a battery and returns a :class:`Report`, which
a notebook shows as a table; ``ns.attack_inputs``, ``ns.attack_weights`` and the others run one
attack; ``ns.load_model`` and ``ns.load_dataset`` load models and data; ``ns.load_board`` reads
stored scores, and ``ns.submit`` puts a model among them. ``docs/library.md`` lists all names.

The names come from :mod:`models_zoo`, :mod:`benchmark` and :mod:`leaderboard`, and are imported on
first use, so that this import does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import models_zoo

if TYPE_CHECKING:
    from benchmark import (
        Attack,
        AttackResult,
        BackdoorAttack,
        BackdoorThreat,
        Battery,
        BitErrorThreat,
        BitFlipAttack,
        BitFlipThreat,
        Budget,
        InputAttack,
        InputThreat,
        JointAttack,
        JointThreat,
        RandomizedAttack,
        RunOptions,
        SparseBackdoorAttack,
        SparseBackdoorThreat,
        TokenTrigger,
        WeightAttack,
        WeightThreat,
        attack_inputs,
        attack_joint,
        attack_randomized,
        attack_weights,
        certify_joint,
        draw_trigger,
        flatness,
        inject_backdoor,
        inject_sparse_backdoor,
        list_batteries,
        load_battery,
        load_dataset,
        load_npz,
        minimal_distances,
    )
    from benchmark.counterexamples import Counterexample, write_counterexample
    from benchmark.datasets import Dataset
    from leaderboard.pages import render_site
    from leaderboard.store import Store
    from models_zoo import (
        Card,
        Classifier,
        InputError,
        Training,
        build_architecture,
        describe_model,
        fingerprint,
        list_architectures,
        list_models,
        load_card,
        load_file,
        load_model,
        read_weights,
        save_weights,
        sha256_file,
    )
    from nonsingular.board import Board, load_board
    from nonsingular.evaluation import evaluate
    from nonsingular.plots import Plots
    from nonsingular.report import Report, load_report
    from nonsingular.submission import submit

    __version__: str

__all__ = [
    "Attack",
    "AttackResult",
    "BackdoorAttack",
    "BackdoorThreat",
    "Battery",
    "BitErrorThreat",
    "BitFlipAttack",
    "BitFlipThreat",
    "Board",
    "Budget",
    "Card",
    "Classifier",
    "Counterexample",
    "Dataset",
    "InputAttack",
    "InputError",
    "InputThreat",
    "JointAttack",
    "JointThreat",
    "Plots",
    "RandomizedAttack",
    "Report",
    "RunOptions",
    "SparseBackdoorAttack",
    "SparseBackdoorThreat",
    "Store",
    "TokenTrigger",
    "Training",
    "WeightAttack",
    "WeightThreat",
    "__version__",
    "attack_inputs",
    "attack_joint",
    "attack_randomized",
    "attack_weights",
    "build_architecture",
    "certify_joint",
    "describe_model",
    "draw_trigger",
    "evaluate",
    "fingerprint",
    "flatness",
    "inject_backdoor",
    "inject_sparse_backdoor",
    "list_architectures",
    "list_batteries",
    "list_models",
    "load_battery",
    "load_board",
    "load_card",
    "load_dataset",
    "load_file",
    "load_model",
    "load_npz",
    "load_report",
    "minimal_distances",
    "read_weights",
    "render_site",
    "save_weights",
    "sha256_file",
    "submit",
    "write_counterexample",
]

_HOMES = {
    "benchmark.counterexamples": ("Counterexample", "write_counterexample"),
    "benchmark.datasets": ("Dataset",),
    "leaderboard.pages": ("render_site",),
    "leaderboard.store": ("Store",),
    "nonsingular.board": ("Board", "load_board"),
    "nonsingular.evaluation": ("evaluate",),
    "nonsingular.plots": ("Plots",),
    "nonsingular.report": ("Report", "load_report"),
    "nonsingular.submission": ("submit",),
}
"""Modules of names; all other names are those of :mod:`models_zoo` and :mod:`benchmark`."""

_HOME_OF = (
    dict.fromkeys(__all__, "benchmark")
    | dict.fromkeys(models_zoo.__all__, "models_zoo")
    | {name: home for home, names in _HOMES.items() for name in names}
)


def __getattr__(name: str) -> Any:
    """The public object ``name``, imported from its module on first use."""
    if name == "__version__":
        from importlib.metadata import version

        return version("nonsingular")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """The public names, for completion before any of them is imported."""
    return list(__all__)
