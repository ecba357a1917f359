"""The training runs of the zoo as data: a TOML file per data set reproduces its models."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from models_zoo.errors import InputError, unknown_name
from models_zoo.training.adversary import AdversarySettings
from models_zoo.training.recipe import Budget, Settings, load_recipe

Values = Mapping[str, float | int | str | bool]


class Network(BaseModel):
    """One architecture and the recipes it is trained with.

    Attributes:
        architecture: one of :func:`models_zoo.list_architectures`.
        recipes: names of recipes; a model is called ``<network>-<recipe>``.
        settings: those that differ from the data set's other models.
        examples: number of training images, from the first; all by default.
        notes: on the cards.
        paper: likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    recipes: tuple[str, ...]
    settings: Values = Field(default_factory=dict)
    examples: int | None = Field(default=None, ge=1)
    notes: str = ""
    paper: HttpUrl | None = None


class Measured(BaseModel):
    """The input attack whose result is put on the cards.

    Attributes:
        eps: linf budget in input units.
        examples: number of test images, from the first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    eps: Budget
    examples: int = Field(ge=1)


@dataclass(frozen=True)
class Row:
    """One model to train.

    Attributes:
        name: such as ``"mlp-trades"``.
        architecture: name of the architecture.
        recipe: name of the recipe.
        settings: of the recipe.
        keep: epochs whose weights become models of their own.
        examples: number of training images, from the first; ``None`` for all.
        notes: on the card.
        paper: likewise.
    """

    name: str
    architecture: str
    recipe: str
    settings: Settings
    keep: tuple[int, ...]
    examples: int | None = None
    notes: str = ""
    paper: HttpUrl | None = None


class Plan(BaseModel):
    """What the zoo trains on one data set.

    Attributes:
        dataset: name of the data set.
        licence: SPDX identifier of the weights' licence.
        seed: of every model.
        measured: what is put on the cards in addition to the clean accuracy; nothing for texts.
        float16: whether weights are rounded to float16, which halves the files. The accuracy on
            the card is that of the rounded weights.
        networks: by the first part of their models' names.
        settings: of every model, so that models are comparable.
        adversary: of every model whose recipe has an adversary on the images.
        recipes: further settings by recipe.
        keep: early epochs to keep, by model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str
    licence: str
    seed: int = 0
    measured: Measured | None = None
    float16: bool = False
    networks: dict[str, Network]
    settings: Values = Field(default_factory=dict)
    adversary: Values = Field(default_factory=dict)
    recipes: dict[str, Values] = Field(default_factory=dict)
    keep: dict[str, tuple[int, ...]] = Field(default_factory=dict)

    def rows(self) -> list[Row]:
        """Every model of the plan, in the order of the file.

        Raises:
            InputError: a recipe or a setting is unknown.
        """
        return [
            Row(
                name=f"{prefix}-{recipe}",
                architecture=network.architecture,
                recipe=recipe,
                settings=self._configured(recipe, network),
                keep=self.keep.get(f"{prefix}-{recipe}", ()),
                examples=network.examples,
                notes=network.notes,
                paper=network.paper,
            )
            for prefix, network in self.networks.items()
            for recipe in network.recipes
        ]

    def _configured(self, recipe: str, network: Network) -> Settings:
        method = load_recipe(recipe)
        opposed = issubclass(method.settings, AdversarySettings)
        return method.configure(
            {
                **self.settings,
                **(self.adversary if opposed else {}),
                **self.recipes.get(recipe, {}),
                **network.settings,
            }
        )


def list_plans() -> list[str]:
    """Data sets that :func:`load_plan` accepts, sorted."""
    folder = files(__package__) / "plans"
    names = (file.name for file in folder.iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def load_plan(dataset: str) -> Plan:
    """The plan of a data set.

    Raises:
        InputError: there is none, or it is broken.
    """
    if dataset not in list_plans():
        raise unknown_name("data set of the zoo", dataset, list_plans())
    file = files(__package__) / "plans" / f"{dataset}.toml"
    try:
        content = tomllib.loads(file.read_text("utf-8"))
        return Plan.model_validate({"dataset": dataset, **content})
    except (ValueError, RecursionError) as error:
        reason = str(error).replace("\n", " ")
        raise InputError(f"the zoo's plan for {dataset!r} is broken: {reason}") from error
