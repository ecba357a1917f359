"""Training recipes: their settings and losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from models_zoo.errors import InputError, first_problem, shown, unknown_name
from models_zoo.numbers import number_of


def _number(value: object) -> object:
    """Accept text such as ``"8/255"`` in addition to numbers."""
    if not isinstance(value, str) or "/" not in value:
        return value
    number = number_of(value)
    if number is None:
        raise ValueError(f"{shown(value)} is not a fraction such as '8/255'")
    return number


Budget = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1)]
"""A distance in input units, images being in [0, 1]; text such as ``"8/255"`` is accepted."""


USUAL_EPS: Mapping[str, float] = {"cifar10": 8 / 255, "digits": 0.22, "mnist": 0.3}
"""linf training budgets by data set. Those of CIFAR-10 and MNIST are Madry et al.'s; that of digits
is a tenth above 0.2, the headline budget of its battery (see ``docs/zoo.md``)."""


class Settings(BaseModel):
    """Settings common to all recipes.

    Attributes:
        epochs: passes over the training part.
        batch_size: images per step.
        optimizer: ``"adam"`` (AdamW) or ``"sgd"`` (Nesterov momentum 0.9).
        learning_rate: its highest value.
        weight_decay: decoupled for AdamW, an l2 penalty for SGD.
        schedule: ``"onecycle"`` (linear warm-up over the first fifth, then cosine), ``"cosine"``
            or ``"constant"``.
        shift: each training image is shifted by up to this many pixels along both axes.
        flip: whether each training image is flipped horizontally with probability one half.
        eps: linf budget of the robust accuracy that is reported on the held-out part; recipes that
            train against an adversary give it this budget too.
        holdout: share of the training images that is held out for reports and never trained on.
        noise: largest standard deviation of the Gaussian noise that is added to each training
            image, in input units; each image has its own, uniform from 0.
        clip: largest l2 norm of a step's gradient; 0 for no clipping.
        ema: decay per step of the moving average of the weights, which is then the result; 0 for
            the last weights.
        precision: ``"bfloat16"`` computes losses in mixed precision, on a GPU only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    epochs: int = Field(default=80, ge=1, le=100_000)
    batch_size: int = Field(default=64, ge=1, le=1_000_000)
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: float = Field(default=5e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    schedule: Literal["onecycle", "cosine", "constant"] = "onecycle"
    shift: int = Field(default=0, ge=0)
    flip: bool = False
    eps: Budget = 8 / 255
    holdout: float = Field(default=0.1, gt=0, lt=1)
    noise: Budget = 0.0
    clip: float = Field(default=0.0, ge=0)
    ema: float = Field(default=0.0, ge=0, lt=1)
    precision: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Step:
    """The inputs of one training step.

    Attributes:
        images: float32 (N, C, H, W) in [0, 1], augmented; or token ids, int64 (N, L).
        labels: int64 (N,).
        generator: source of the step's random draws, on the CPU.
        done: share of all steps that are done, from 0 to below 1.
    """

    images: Tensor
    labels: Tensor
    generator: torch.Generator
    done: float


Loss = Callable[[nn.Module, Step, Any], Tensor]
"""(model, step, settings) to the scalar loss that is minimized over the model's weights."""


@dataclass(frozen=True)
class Recipe:
    """A training method.

    Attributes:
        name: such as ``"pgd-at"``.
        settings: type of its settings.
        loss: the loss of one step, on a model in train mode.
        texts: whether it takes token ids as well: it perturbs no inputs.
    """

    name: str
    settings: type[Settings]
    loss: Loss
    texts: bool = False

    def configure(self, values: Mapping[str, object]) -> Settings:
        """Settings from values by name; numbers may be text, as on a command line.

        Raises:
            InputError: a name is unknown or a value is out of range.
        """
        for name in values:
            if name not in self.settings.model_fields:
                kind = f"setting of recipe {self.name}"
                raise unknown_name(kind, name, self.settings.model_fields)
        try:
            return self.settings.model_validate(dict(values))
        except ValidationError as error:
            name, reason, given = first_problem(error)
            raise InputError(f"recipe {self.name}: {name}={given!r}: {reason}") from error


_RECIPES: dict[str, Recipe] = {}


def register(name: str, settings: type[Settings], *, texts: bool = False) -> Callable[[Loss], Loss]:
    """Decorator that registers a loss function as the recipe ``name``, which must be new."""

    def add(loss: Loss) -> Loss:
        if name in _RECIPES:
            raise ValueError(f"recipe {name!r} is registered twice")
        _RECIPES[name] = Recipe(name, settings, loss, texts)
        return loss

    return add


def list_recipes() -> list[str]:
    """Names that :func:`load_recipe` accepts, sorted."""
    return sorted(_RECIPES)


def load_recipe(name: str) -> Recipe:
    """A recipe by name.

    Raises:
        InputError: there is no recipe of that name.
    """
    if name not in _RECIPES:
        raise unknown_name("recipe", name, _RECIPES)
    return _RECIPES[name]
