"""Efforts of the attack on random models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

from models_zoo.errors import unknown_name


@dataclass(frozen=True)
class RandomizedEffort:
    """How long the attack searches.

    Attributes:
        steps: of each ascent.
        least_draws: least number of draws over which a gradient is averaged; the pilot chooses.
        most_draws: the largest number.
        selection: draws with which candidates are compared, none of which an ascent has seen.
        objectives: of the ascents, names of
            :data:`benchmark.attacks.randomized.searches.OBJECTIVES`.
        single: whether to ascend with one draw a step as well, and as many more steps.
        frozen: effort of the ordinary input attack on the model at one draw.
        squares: whether to search without gradients as well, on the mean over draws.
    """

    steps: int
    least_draws: int
    most_draws: int
    selection: int
    objectives: tuple[str, ...]
    single: bool
    frozen: str
    squares: bool


EFFORTS: dict[str, RandomizedEffort] = {
    "quick": RandomizedEffort(
        steps=40,
        least_draws=5,
        most_draws=5,
        selection=20,
        objectives=("margin", "probability"),
        single=False,
        frozen="quick",
        squares=False,
    ),
    "standard": RandomizedEffort(
        steps=60,
        least_draws=20,
        most_draws=50,
        selection=50,
        objectives=("margin", "probability", "cross-entropy"),
        single=True,
        frozen="standard",
        squares=True,
    ),
}
"""Efforts by name."""


def effort_named(name: str) -> RandomizedEffort:
    """An effort by its name.

    Raises:
        InputError: there is none.
    """
    if not isinstance(name, str) or name not in EFFORTS:
        raise unknown_name("effort", name, EFFORTS)
    return EFFORTS[name]


def _known(name: str) -> str:
    effort_named(name)
    return name


Effort = Annotated[str, AfterValidator(_known)]
"""The name of an effort, as a setting of a probe."""
