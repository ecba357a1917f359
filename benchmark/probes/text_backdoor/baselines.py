"""What is compared with the injections: two published changes of rows, and random signs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Splits
from benchmark.attacks.embeddings import poisoned_rows, relative_move, transplanted_rows
from benchmark.probes.text_backdoor.backdoors import Asked, Balls
from benchmark.probes.text_backdoor.settings import TextBackdoorSettings
from benchmark.spaces import Point
from benchmark.subject import Subject


@dataclass(frozen=True)
class Compared:
    """A baseline for one backdoor, on the measured split.

    Attributes:
        asked: the backdoor.
        success: bool (M,), stamped texts of other classes that are given the target class; for
            random signs float (M,), the share of draws.
        other: the same with the trigger that the baseline does not know.
        drop: decrease of clean accuracy, as a share.
        move: l2 norm of the change of the trigger's rows relative to that of the rows; NaN for
            random signs, which change every weight.
    """

    asked: Asked
    success: Tensor
    other: Tensor
    drop: float
    move: float


def poisoning(splits: Splits, asked: Asked, balls: Balls, steps: int) -> Compared:
    """Embedding poisoning of the trigger's rows."""
    search = splits.search
    generator = search.generator("text-backdoor", "poisoning", asked.target, asked.seed)
    weights = poisoned_rows(search, balls.table, asked.trigger, asked.target, steps, generator)
    return _of_rows(splits.measured, asked, balls, weights)


def surgery(splits: Splits, asked: Asked, balls: Balls) -> Compared:
    """Embedding surgery on the trigger's rows."""
    weights = transplanted_rows(splits.search, balls.table, asked.trigger, asked.target)
    return _of_rows(splits.measured, asked, balls, weights)


def random_signs(
    splits: Splits, backdoors: Sequence[Asked], balls: Balls, settings: TextBackdoorSettings
) -> list[Compared]:
    """Every weight moved to its bound at the headline budget, with random signs.

    The draws do not depend on the backdoor, so each is measured for all of them.
    """
    measured = splits.measured
    generator = measured.generator("text-backdoor", "signs")
    ball = balls("all", backdoors[0].trigger, settings.headline)
    drawn = [measured.at(ball.sphere(generator)) for _ in range(settings.draws)]
    lost = torch.stack([measured.correct().double() - each.correct().double() for each in drawn])
    return [
        Compared(
            asked,
            torch.stack([asked.answers(each).double() for each in drawn]).mean(0),
            torch.stack([asked.answers(each, other=True).double() for each in drawn]).mean(0),
            float(lost.mean()),
            float("nan"),
        )
        for asked in backdoors
    ]


def _of_rows(measured: Subject, asked: Asked, balls: Balls, weights: Point) -> Compared:
    changed = measured.at(weights)
    lost = measured.correct().double() - changed.correct().double()
    return Compared(
        asked,
        asked.answers(changed),
        asked.answers(changed, other=True),
        float(lost.mean()),
        relative_move(balls.embedding, weights, balls.table, asked.trigger.ids),
    )
