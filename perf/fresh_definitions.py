"""Small models that the input attack is measured on and that are used for nothing else.

Constants of the attack may be chosen on the half called ``tuning``, never on ``held-out``. The two
halves differ in architectures, recipes and seeds; each has all data sets, models trained in linf
and in another norm, and MNIST networks trained at linf 0.3, on which the Square attack has found
examples that gradients missed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HALVES = ("tuning", "held-out")


@dataclass(frozen=True)
class FreshModel:
    """How a model is trained, and the rows it is measured in.

    Attributes:
        half: one of :data:`HALVES`.
        short: its name without the half.
        dataset: ``"digits"``, ``"mnist"`` or ``"cifar10"``.
        architecture: a name of :func:`models_zoo.list_architectures`.
        recipe: a recipe of the zoo or of :mod:`perf.fresh_recipes`.
        seed: of the training.
        images: number of training images, from the first; ``None`` for all.
        settings: of the recipe, but for those of its data set in :data:`COMMON`.
        budgets: radii in input units, by norm; accuracy under attack is between 10% and 90%.
        examples: number of test images of each row.
    """

    half: str
    short: str
    dataset: str
    architecture: str
    recipe: str
    seed: int
    settings: Mapping[str, Any]
    budgets: Mapping[str, tuple[float, ...]]
    images: int | None = None
    examples: int = field(default=200, kw_only=True)

    @property
    def name(self) -> str:
        """Half and short name, such as ``"tuning/mnist-pgd-at"``."""
        return f"{self.half}/{self.short}"

    @property
    def values(self) -> dict[str, Any]:
        """All settings of the training that are not the recipe's own defaults."""
        return {**COMMON[self.dataset], **self.settings}

    @property
    def file(self) -> str:
        """File name of the weights; another definition has another name."""
        training = [self.architecture, self.recipe, self.seed, self.images, self.values]
        digest = hashlib.sha256(json.dumps(training, sort_keys=True).encode()).hexdigest()
        return f"{self.half}-{self.short}-{digest[:12]}.safetensors"


COMMON: Mapping[str, Mapping[str, Any]] = {
    "digits": {"epochs": 50, "batch_size": 48, "learning_rate": 0.004},
    "mnist": {"epochs": 8, "batch_size": 100, "learning_rate": 0.003},
    "cifar10": {
        "epochs": 8,
        "batch_size": 100,
        "learning_rate": 0.003,
        "flip": True,
        "shift": 2,
        "noise": 0.02,
    },
}
"""Settings by data set. The noise hides artifacts of JPEG, in which the images of CIFAR-10 are kept
(``docs/data.md``)."""

FRESH: tuple[FreshModel, ...] = (
    FreshModel(
        "tuning",
        "mnist-pgd-at",
        "mnist",
        "cnn:12k5s2p2-24k5s2p2-fc80",
        "pgd-at",
        1101,
        {"eps": 0.3, "steps": 5, "step_size": 0.3, "eps_ramp": 0.5},
        {"linf": (0.25, 0.3), "l2": (1.5, 2.0), "l1": (10.0,)},
        12000,
    ),
    # Held out until descents from outside were added because of it.
    FreshModel(
        "tuning",
        "mnist-trades",
        "mnist",
        "cnn:16k4s2p1-32k4s2p1-32-fc64",
        "trades",
        2101,
        {"eps": 0.3, "steps": 5, "step_size": 0.3, "eps_ramp": 0.4, "beta": 4.0},
        {"linf": (0.25, 0.3), "l2": (1.5, 2.0), "l1": (10.0,)},
        12000,
    ),
    FreshModel(
        "tuning",
        "mnist-mart",
        "mnist",
        "cnn:16k5s2p2-32s2-fc64",
        "mart",
        1102,
        {"eps": 0.3, "steps": 4, "step_size": 0.4, "eps_ramp": 0.5, "beta": 3.0},
        {"linf": (0.25, 0.3), "l2": (1.5, 2.0), "l1": (10.0,)},
        12000,
        examples=100,
    ),
    FreshModel(
        "held-out",
        "mnist-at-awp",
        "mnist",
        "cnn:10k5p0-M-20k5p0-M-fc50",
        "at-awp",
        2102,
        {"eps": 0.3, "steps": 4, "step_size": 0.4, "eps_ramp": 0.5, "gamma": 0.005},
        {"linf": (0.25, 0.3), "l2": (1.5, 2.0), "l1": (10.0,)},
        12000,
        examples=100,
    ),
    FreshModel(
        "tuning",
        "mnist-l2",
        "mnist",
        "mlp:120-60",
        "pgd-at-ball",
        1103,
        {"norm": "l2", "radius": 1.5, "steps": 5, "step_size": 0.35},
        {"linf": (0.1, 0.15), "l2": (1.0, 1.5), "l1": (8.0,)},
        20000,
        examples=100,
    ),
    FreshModel(
        "held-out",
        "mnist-l1",
        "mnist",
        "cnn:8k5s2p2-16s2-fc48",
        "pgd-at-ball",
        2103,
        {"norm": "l1", "radius": 10.0, "steps": 4, "step_size": 0.5},
        {"linf": (0.08, 0.12), "l2": (1.0, 1.5), "l1": (5.0, 8.0)},
        8000,
        examples=100,
    ),
    FreshModel(
        "tuning",
        "digits-deep-pgd-at",
        "digits",
        "mlp:32-32-32-32-32-32",
        "pgd-at",
        1104,
        {"eps": 0.12, "steps": 6, "step_size": 0.3, "eps_ramp": 0.3, "epochs": 100},
        {"linf": (0.1, 0.15), "l2": (0.5, 0.7), "l1": (1.5,)},
    ),
    FreshModel(
        "held-out",
        "digits-trades",
        "digits",
        "cnn:16b-32s2b-fc48",
        "trades",
        2104,
        {"eps": 0.16, "steps": 6, "step_size": 0.3, "beta": 5.0},
        {"linf": (0.15, 0.2), "l2": (0.5, 0.7), "l1": (1.5, 2.0)},
    ),
    FreshModel(
        "tuning",
        "digits-resnet-standard",
        "digits",
        "cifar-resnet8",
        "standard",
        1105,
        {"epochs": 25},
        {"linf": (0.05, 0.1), "l2": (0.3, 0.5), "l1": (1.0,)},
    ),
    FreshModel(
        "held-out",
        "digits-label-smoothing",
        "digits",
        "mlp:160-80",
        "label-smoothing",
        2105,
        {"smoothing": 0.2},
        {"linf": (0.05, 0.1), "l2": (0.3, 0.5), "l1": (1.0,)},
    ),
    FreshModel(
        "tuning",
        "cifar10-pgd-at",
        "cifar10",
        "cnn:24s2-48s2-fc96",
        "pgd-at",
        1106,
        {"eps": "3/255", "steps": 2, "step_size": 0.75},
        {"linf": (2 / 255, 4 / 255), "l2": (0.25, 0.5), "l1": (6.0,)},
        12000,
        examples=100,
    ),
    FreshModel(
        "held-out",
        "cifar10-mart",
        "cifar10",
        "cifar-resnet2b",
        "mart",
        2106,
        {"eps": "2/255", "steps": 2, "step_size": 0.75, "beta": 1.0, "epochs": 12},
        {"linf": (2 / 255, 4 / 255), "l2": (0.25, 0.5), "l1": (6.0,)},
        12000,
        examples=100,
    ),
    FreshModel(
        "tuning",
        "cifar10-resnet-l2",
        "cifar10",
        "timm:resnet10t?channels=16x24x32x48,stem_width=8",
        "pgd-at-ball",
        1107,
        {"norm": "l2", "radius": 0.3, "steps": 2, "step_size": 0.75},
        {"linf": (2 / 255, 4 / 255), "l2": (0.25, 0.5), "l1": (6.0,)},
        12000,
        examples=100,
    ),
    FreshModel(
        "held-out",
        "cifar10-trades-l2",
        "cifar10",
        "cnn:12s2b-16b-24s2b-32b-G",
        "trades-ball",
        2107,
        {"norm": "l2", "radius": 0.3, "steps": 2, "step_size": 0.75, "beta": 4.0},
        {"linf": (1 / 255, 2 / 255), "l2": (0.25, 0.5), "l1": (6.0,)},
        12000,
        examples=100,
    ),
    # Added when constants of algorithm 4 were chosen: small networks whose AutoAttack is quick.
    FreshModel(
        "tuning",
        "digits-cnn-l2",
        "digits",
        "cnn:12b-24s2b-fc40",
        "pgd-at-ball",
        1108,
        {"norm": "l2", "radius": 0.5, "steps": 5, "step_size": 0.35},
        {"linf": (0.1, 0.15), "l2": (0.5, 0.8), "l1": (1.5,)},
    ),
    FreshModel(
        "tuning",
        "digits-mlp-l1",
        "digits",
        "mlp:96-48",
        "pgd-at-ball",
        1109,
        {"norm": "l1", "radius": 1.5, "steps": 5, "step_size": 0.4},
        {"linf": (0.07, 0.1), "l2": (0.4, 0.6), "l1": (1.2, 2.0)},
    ),
    FreshModel(
        "tuning",
        "digits-mart",
        "digits",
        "cnn:10k5p2-20s2-fc32",
        "mart",
        1110,
        {"eps": 0.15, "steps": 6, "step_size": 0.3, "beta": 3.0},
        {"linf": (0.15, 0.2), "l2": (0.6, 0.8), "l1": (1.5, 2.0)},
    ),
    FreshModel(
        "tuning",
        "digits-trades-l2",
        "digits",
        "cnn:16-32s2-fc48",
        "trades-ball",
        1111,
        {"norm": "l2", "radius": 0.6, "steps": 5, "step_size": 0.35, "beta": 4.0},
        {"linf": (0.12, 0.17), "l2": (0.6, 0.9), "l1": (1.8,)},
    ),
    FreshModel(
        "tuning",
        "digits-awp-mlp",
        "digits",
        "mlp:64-64-64",
        "awp",
        1112,
        {"gamma": 0.01},
        {"linf": (0.07, 0.11), "l2": (0.4, 0.6), "l1": (1.2,)},
    ),
    # Held out from the choice of the constants of algorithm 4, as the others are.
    FreshModel(
        "held-out",
        "digits-at-awp-cnn",
        "digits",
        "cnn:20b-40s2b-fc64",
        "at-awp",
        2108,
        {"eps": 0.14, "steps": 6, "step_size": 0.3, "gamma": 0.005},
        {"linf": (0.15, 0.2), "l2": (0.6, 0.8), "l1": (1.5, 2.0)},
        examples=100,
    ),
    FreshModel(
        "held-out",
        "digits-trades-l1",
        "digits",
        "cnn:14-28s2-fc56",
        "trades-ball",
        2109,
        {"norm": "l1", "radius": 1.5, "steps": 5, "step_size": 0.4, "beta": 4.0},
        {"linf": (0.07, 0.1), "l2": (0.4, 0.6), "l1": (1.2, 2.0)},
        examples=100,
    ),
    FreshModel(
        "held-out",
        "digits-resnet-l2",
        "digits",
        "cifar-resnet8",
        "pgd-at-ball",
        2110,
        {"norm": "l2", "radius": 0.4, "steps": 3, "step_size": 0.5, "epochs": 15},
        {"linf": (0.07, 0.1), "l2": (0.4, 0.6), "l1": (1.2,)},
        examples=100,
    ),
    FreshModel(
        "held-out",
        "digits-mart-mlp",
        "digits",
        "mlp:128-64-32",
        "mart",
        2111,
        {"eps": 0.13, "steps": 6, "step_size": 0.3, "beta": 2.0},
        {"linf": (0.12, 0.17), "l2": (0.5, 0.7), "l1": (1.5, 2.0)},
        examples=100,
    ),
    FreshModel(
        "held-out",
        "digits-standard-deep",
        "digits",
        "mlp:48-48-48-48",
        "random-weight-noise",
        2112,
        {},
        {"linf": (0.06, 0.1), "l2": (0.3, 0.5), "l1": (1.0,)},
        examples=100,
    ),
    FreshModel(
        "held-out",
        "mnist-mlp-l2",
        "mnist",
        "mlp:80-40",
        "trades-ball",
        2113,
        {"norm": "l2", "radius": 1.2, "steps": 4, "step_size": 0.4, "beta": 4.0},
        {"linf": (0.08, 0.12), "l2": (0.8, 1.3), "l1": (6.0,)},
        8000,
        examples=100,
    ),
    FreshModel(
        "held-out",
        "mnist-pgd-at",
        "mnist",
        "cnn:8k5s2p2-16k5s2p2-fc40",
        "pgd-at",
        2114,
        {"eps": 0.25, "steps": 4, "step_size": 0.4, "eps_ramp": 0.5},
        {"linf": (0.2, 0.25), "l2": (1.5,), "l1": (8.0,)},
        8000,
        examples=100,
    ),
)
"""The models, in the order in which they were added."""
