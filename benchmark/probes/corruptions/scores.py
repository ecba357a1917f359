"""The scores of the corruptions probe: what they mean, and their values with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.corruptions import CORRUPTIONS, SEVERITIES, VALIDATION
from benchmark.probes.corruptions.settings import Baseline
from benchmark.probes.probe import share
from benchmark.results import Score, ScoreSpec
from benchmark.statistics import Resamples, bounded_mean, proportion, wilson
from benchmark.statistics.bootstrap import Array

Right = NDArray[np.bool_]
"""Which examples are right under which corruption and severity, bool (corruptions, 5, N)."""


def specs() -> dict[str, ScoreSpec]:
    """What each score means."""
    found = {
        "mean_accuracy": share(
            "Corruptions",
            "Mean accuracy over all corruptions at all five severities.",
            headline=True,
            interval="bounded",
        ),
        "worst_corruption": share(
            "Worst corruption",
            "Lowest mean accuracy over the five severities of any corruption.",
            interval="bootstrap",
        ),
        "worst_cell": share(
            "Worst cell",
            "Lowest accuracy on any corruption at any severity.",
            interval="bootstrap",
        ),
        "all_correct": share(
            "All correct",
            "Share of test images classified correctly under every corruption at every severity.",
        ),
        "relative": ScoreSpec(
            label="Relative to clean",
            description="Mean accuracy over all corruptions divided by clean accuracy.",
            unit="",
            higher_is_better=True,
            interval="bootstrap",
        ),
    }
    for severity in SEVERITIES:
        found[f"severity_{severity}"] = share(
            f"Severity {severity}",
            f"Mean accuracy over all corruptions at severity {severity}.",
            interval="bounded",
        )
    for name, each in CORRUPTIONS.items():
        found[name] = share(
            each.title,
            f"Mean accuracy over the five severities of {each.title.lower()}. {each.description}",
            interval="bounded",
        )
    found["validation_accuracy"] = share(
        "Validation corruptions",
        "Mean accuracy over the four validation corruptions at all severities, which no other "
        "score counts: for choosing hyper-parameters.",
        interval="bounded",
    )
    for name, each in VALIDATION.items():
        found[name] = share(
            each.title,
            f"Mean accuracy over the five severities of {each.title.lower()}, for validation. "
            f"{each.description}",
            interval="bounded",
        )
    found["mce"] = mce_spec("the baseline in the battery")
    return found


def mce_spec(baseline: str) -> ScoreSpec:
    """What the mCE means with a baseline of a name."""
    return ScoreSpec(
        label=f"mCE ({baseline})",
        description="Mean over corruptions of the mean error over severities, divided by that of "
        f"{baseline}. It is not the mean error.",
        unit="",
        higher_is_better=False,
        interval="bootstrap",
    )


@dataclass(frozen=True)
class Measured:
    """Which examples are right.

    Attributes:
        names: corruptions of the benchmark.
        right: bool (corruptions, 5, N).
        validation_names: corruptions for validation; may be none.
        validation: bool (corruptions, 5, N).
        clean: bool (N,).
    """

    names: list[str]
    right: Right
    validation_names: list[str]
    validation: Right
    clean: NDArray[np.bool_]

    @property
    def all_correct(self) -> NDArray[np.bool_]:
        """Bool (N,): right under every corruption at every severity."""
        everywhere: NDArray[np.bool_] = np.logical_and.reduce(self.right, axis=(0, 1))
        return everywhere

    @property
    def accuracies(self) -> Array:
        """(corruptions, 5)."""
        shares: Array = self.right.mean(axis=2)
        return shares

    @property
    def worst_corruption(self) -> str:
        """The corruption with the lowest mean accuracy."""
        return self.names[int(self.accuracies.mean(axis=1).argmin())]

    @property
    def worst_cell(self) -> tuple[str, int]:
        """The corruption and severity with the lowest accuracy."""
        place = int(self.accuracies.argmin())
        return self.names[place // len(SEVERITIES)], SEVERITIES[place % len(SEVERITIES)]


def scores_of(
    measured: Measured, baseline: Baseline | None, resamples: int, generator: np.random.Generator
) -> dict[str, Score]:
    """All scores.

    Means have the interval of means of values in [0, 1]: each example has one, the share of the
    corruptions under which it is right. Worst cases and ratios have that of a bootstrap.

    Args:
        measured: which examples are right.
        baseline: of the mCE.
        resamples: number of resamples.
        generator: draws them.
    """
    right, n = measured.right, measured.right.shape[2]
    conditions = np.concatenate([right.reshape(-1, n), measured.clean[None]])
    drawn = Resamples(conditions, generator, resamples)

    def corruptions(accuracies: Array) -> Array:
        """Mean accuracy by corruption (..., corruptions), from those of all conditions."""
        cells = accuracies[..., :-1].reshape(*accuracies.shape[:-1], *right.shape[:2])
        means: Array = cells.mean(axis=-1)
        return means

    def relative(accuracies: Array) -> Array:
        clean = np.maximum(accuracies[..., -1], 1 / n)
        ratio: Array = corruptions(accuracies).mean(axis=-1) / clean
        return ratio

    scores = {
        "mean_accuracy": bounded_mean(right.mean(axis=(0, 1))),
        "worst_corruption": drawn.score(lambda each: corruptions(each).min(axis=-1)),
        "worst_cell": drawn.score(lambda each: each[..., :-1].min(axis=-1)),
        "all_correct": proportion(measured.all_correct),
    }
    if measured.clean.any():
        scores["relative"] = _not_certain(drawn.score(relative), int(measured.clean.sum()))
    for place, severity in enumerate(SEVERITIES):
        scores[f"severity_{severity}"] = bounded_mean(right[:, place].mean(axis=0))
    scores |= _by_corruption(measured.names, right)
    if measured.validation_names:
        whole = measured.validation.mean(axis=(0, 1))
        scores["validation_accuracy"] = bounded_mean(whole)
        scores |= _by_corruption(measured.validation_names, measured.validation)
    if baseline is not None:
        errors = np.array([baseline.errors[name] for name in measured.names])
        scores["mce"] = drawn.score(lambda each: ((1 - corruptions(each)) / errors).mean(axis=-1))
    return scores


def _not_certain(ratio: Score, right: int) -> Score:
    """A ratio whose interval has a width, also if no corruption changed any outcome.

    All resamples then have the ratio 1. What was not seen among the examples that are right is in
    at most as many as Wilson's interval says.

    Args:
        ratio: with its interval.
        right: number of examples that are right without corruption, at least 1.
    """
    if ratio.low < ratio.high:
        return ratio
    least = wilson(1.0, right).low
    ends = {"low": ratio.value * least, "high": ratio.value / least}
    return ratio.model_copy(update=ends)


def _by_corruption(names: list[str], right: Right) -> dict[str, Score]:
    pairs = zip(names, right, strict=True)
    return {name: bounded_mean(each.mean(axis=0)) for name, each in pairs}
