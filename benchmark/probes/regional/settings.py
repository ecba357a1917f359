"""Settings of the regional probe."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from benchmark.attacks.regions import FULL, Kind, Shape
from benchmark.budgets import Budget
from benchmark.probes.settings import ProbeSettings
from models_zoo.catalog import list_models
from models_zoo.errors import unknown_name


def _ascending(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if list(sizes) != sorted(set(sizes)) or any(size < 1 for size in sizes):
        raise ValueError(f"sizes of regions must ascend from at least 1, got {sizes}")
    return sizes


def _known(peers: tuple[str, ...]) -> tuple[str, ...]:
    for name in peers:
        if name not in list_models():
            raise unknown_name("surrogate", name, list_models())
    return peers


Sizes = Annotated[tuple[int, ...], AfterValidator(_ascending)]
"""Sizes of regions in pixels, ascending."""


class RegionalSettings(ProbeSettings):
    """Regions, effort and surrogates of the regional attack.

    Attributes:
        centre_edges: edges of the centre squares, in pixels.
        frame_widths: widths of the frames, in pixels.
        random_pixels: numbers of random pixels that may change.
        saliency_pixels: numbers of pixels that may change, those with the largest gradient.
        steps: maximum number of steps; 250 in the paper.
        step: length of a step, in input units; 1/255 in the paper.
        examples: number of examples that are attacked, the first ones.
        peers: surrogates, models of the zoo whose examples are transferred to the attacked model.
    """

    centre_edges: Sizes = ()
    frame_widths: Sizes = ()
    random_pixels: Sizes = ()
    saliency_pixels: Sizes = ()
    steps: int = Field(default=250, ge=1)
    step: Annotated[Budget, Field(ge=1e-4, le=1)] = Budget(1 / 255)
    examples: int = Field(default=100, ge=1)
    peers: Annotated[tuple[str, ...], AfterValidator(_known)] = ()

    def shapes(self) -> list[Shape]:
        """All regions, the full image first, ascending within a kind."""
        sizes: list[tuple[Kind, Sizes]] = [
            ("centre", self.centre_edges),
            ("frame", self.frame_widths),
            ("random", self.random_pixels),
            ("saliency", self.saliency_pixels),
        ]
        return [FULL, *(Shape(kind, size) for kind, each in sizes for size in each)]
