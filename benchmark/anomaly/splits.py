"""Contaminated training sets, drawn from seeds alone, so that all methods get the same ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Generator, Tensor

HELD_OUT = Fraction(1, 10)
"""Share of the contaminated data that is not trained on; thresholds are set on it for comparison.
It holds as large a share of the outliers as of the normal examples."""

Seeded = Callable[..., Generator]
"""Gives the generator of a purpose, such as :meth:`benchmark.subject.Subject.generator`."""


@dataclass(frozen=True)
class Run:
    """One repetition: which class is normal, which one contaminates it, and the seed.

    Attributes:
        normal: label of the normal class.
        contaminating: label of the class of the outliers; as test examples they are the observed
            anomalies, and all further classes the unobserved ones.
        seed: number of the repetition.
    """

    normal: int
    contaminating: int
    seed: int

    @property
    def name(self) -> str:
        """For charts."""
        return f"{self.normal} with {self.contaminating}, seed {self.seed}"

    def generator(self, seeded: Seeded, *purpose: Hashable) -> Generator:
        """The generator of a purpose in this run, the same for all methods."""
        return seeded("anomaly", self.normal, self.contaminating, self.seed, *purpose)


@dataclass(frozen=True)
class TrainingSets:
    """The training sets of R runs at one contamination, which all have the same size.

    Attributes:
        runs: the R runs.
        images: float32 (R, n, D), flattened, in an order that says nothing about the outliers.
        outlier: bool (R, n); for diagnosis only, no method sees it.
        held_out: float32 (R, h, D), not trained on.
        seeded: gives the generators.
    """

    runs: Sequence[Run]
    images: Tensor
    outlier: Tensor
    held_out: Tensor
    seeded: Seeded

    def generators(self, *purpose: Hashable) -> list[Generator]:
        """One generator per run."""
        return [run.generator(self.seeded, *purpose) for run in self.runs]


def outliers_for(normals: int, contamination: float) -> int:
    """The smallest number of outliers that are at least a share of all training examples.

    Args:
        normals: number of normal examples.
        contamination: outliers / (normals + outliers), from 0 to below 1. It is taken as the
            decimal number that it is written as, so that 10% of 100 are 10.
    """
    share = Fraction(str(contamination))
    return math.ceil(normals * share / (1 - share))


def training_sets(
    images: Tensor,
    labels: Tensor,
    runs: Sequence[Run],
    normals: int,
    contamination: float,
    seeded: Seeded,
    device: torch.device | str = "cpu",
) -> TrainingSets:
    """Draw the training sets of runs at one contamination.

    The normal examples of a run are the same at all contaminations, and the outliers of a smaller
    one are among those of a larger one.

    Args:
        images: (N, C, H, W) of a training split.
        labels: int64 (N,).
        runs: the runs.
        normals: number of normal examples of each.
        contamination: share of outliers among all.
        seeded: gives the generators.
        device: of the result.
    """
    outliers = outliers_for(normals, contamination)
    aside = round(HELD_OUT * normals), round(HELD_OUT * outliers)
    kept, marks, held = [], [], []
    for run in runs:
        rows = [
            _some(labels == label, count, run.generator(seeded, "examples", label))
            for label, count in ((run.normal, normals), (run.contaminating, outliers))
        ]
        train = torch.cat([each[count:] for each, count in zip(rows, aside, strict=True)])
        mark = torch.arange(len(train)) >= normals - aside[0]
        order = torch.randperm(
            len(train), generator=run.generator(seeded, "order", str(contamination))
        )
        kept.append(images[train[order]].flatten(1))
        marks.append(mark[order])
        held.append(
            images[
                torch.cat([each[:count] for each, count in zip(rows, aside, strict=True)])
            ].flatten(1)
        )
    return TrainingSets(
        runs,
        torch.stack(kept).to(device),
        torch.stack(marks),
        torch.stack(held).to(device),
        seeded,
    )


def _some(chosen: Tensor, count: int, generator: Generator) -> Tensor:
    """Indices of the first examples in a random order of those that are chosen."""
    rows = chosen.nonzero().flatten()
    return rows[torch.randperm(len(rows), generator=generator)[:count]]
