"""The worst-case robust flatness of Stutz et al. 2021, by the authors' code.

The code is fetched by the caller (github.com/davidstutz/robust-generalization-flatness) and is not
part of this repository. Packages that it imports for plots and files are replaced by empty ones.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from torch import nn

from benchmark.spaces import Point, WeightBall
from benchmark.subject import Subject
from models_zoo.errors import InputError

PACKAGES = ("attacks", "common")
N_MISSING = 20
"""Largest number of missing packages that are replaced."""

WEIGHT_STEP, INPUT_STEP, MINIBATCH = 0.01, 0.007 / 0.0314, 128
"""The authors' steps, relative to a tensor's norm and to the budget, and images per step."""


@contextmanager
def peer_code(folder: Path) -> Iterator[Any]:
    """Import the authors' package ``attacks`` for the time of the context."""
    if not (folder / "attacks/weights_inputs").is_dir():
        raise InputError(f"{folder} has no attacks/weights_inputs; fetch the authors' repository")
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        for _ in range(N_MISSING):
            try:
                for part in ("weights", "weights_inputs"):
                    importlib.import_module(f"attacks.{part}")
                break
            except ModuleNotFoundError as error:
                sys.modules[str(error.name)] = MagicMock()
                for name in [name for name in sys.modules if name.split(".")[0] in PACKAGES]:
                    del sys.modules[name]
        yield sys.modules["attacks"]
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if name.split(".")[0] in PACKAGES or isinstance(sys.modules[name], MagicMock):
                del sys.modules[name]


class _LogitsOnly(nn.Module):
    """The model with parameters that the authors' code may change."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(images)
        return logits


def peer_weights(
    attacks: Any, subject: Subject, ball: WeightBall, eps: float, epochs: int, seed: int
) -> tuple[Point, torch.Tensor]:
    """One attempt of the authors' joint ascent.

    Args:
        attacks: their package.
        subject: model and examples.
        ball: a ``relative-l2`` ball.
        eps: linf input budget.
        epochs: passes over the examples.
        seed: of their random draws.

    Returns:
        The perturbed weights, and the images that they end with.
    """
    model = _LogitsOnly(subject.model).eval()
    flags = {name: parameter.requires_grad for name, parameter in model.named_parameters()}
    model.requires_grad_(True)
    names = [name for name, _ in model.named_parameters()]
    moving = {f"model.{name}" for name in ball.weights}
    weights = attacks.weights
    attack = attacks.weights_inputs.GradientDescentAttack()
    attack.epochs = epochs
    start = weights.initializations.LayerWiseL2UniformNormInitialization
    attack.weight_initialization = start(ball.radius)
    attack.weight_projection = weights.projections.LayerWiseL2Projection(ball.radius)
    attack.weight_norm = weights.norms.L2Norm()
    attack.weight_normalization = weights.normalizations.LayerWiseRelativeL2Normalization()
    attack.input_initialization = attacks.initializations.LInfUniformNormInitialization(eps)
    attack.input_projection = attacks.projections.SequentialProjections(
        [attacks.projections.BoxProjection(0, 1), attacks.projections.LInfProjection(eps)]
    )
    attack.input_norm = attacks.norms.LInfNorm()
    attack.input_normalized = True
    attack.input_lr, attack.weight_lr = INPUT_STEP * eps, WEIGHT_STEP
    attack.get_layers = lambda _: [i for i, name in enumerate(names) if name in moving]
    images = subject.images.permute(0, 2, 3, 1)
    batches = [
        (images[first : first + MINIBATCH], subject.labels[first : first + MINIBATCH])
        for first in range(0, len(images), MINIBATCH)
    ]
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    objectives = weights.objectives.UntargetedF0Objective(), attacks.objectives
    with redirect_stdout(StringIO()):
        found, moved, _ = attack.run(
            model, batches, objectives[0], objectives[1].UntargetedF0Objective()
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(flags[name])
    perturbed = dict(found.named_parameters())
    point = {name: perturbed[f"model.{name}"].detach() for name in ball.weights}
    delta = torch.as_tensor(moved).permute(0, 3, 1, 2).to(subject.images)
    return point, (subject.images + delta).clamp(0, 1)
