"""How often the intervals of losses and of paired shares hold the truth, by simulation.

Run ``python -m perf.interval_coverage`` from the root of a checkout: a few minutes. It writes its
section of ``docs/method.md``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer
from numpy.typing import NDArray
from rich.progress import track
from scipy.special import gammaln

from benchmark.batteries import load_battery
from benchmark.datasets import load_dataset
from benchmark.measures.divergence import maximum_divergence
from benchmark.measures.robust_loss import RobustLoss
from benchmark.objectives import cross_entropy
from benchmark.probes.flatness import FlatnessSettings
from benchmark.probes.intrinsic import IntrinsicSettings
from benchmark.results import Score
from benchmark.statistics import Effect, mean, mean_loss, tango
from benchmark.subject import Subject
from models_zoo import load_model
from perf.cases import repeatable_models
from perf.command import ROOT, console, run_command
from perf.page import line, write_section

TOOL = "interval_coverage"

LOSS_SIZES = (12, 50, 150, 360, 1000)
PAIRED_SIZES = (12, 50, 100, 360)

DIFFERING = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)
"""Probabilities that an example differs."""

GAINS = (0.5, 0.6, 0.75, 0.9, 0.99)
"""Probabilities that the first model is right on an example that differs."""

Losses = NDArray[np.float64]


def run(
    times: Annotated[int, typer.Option(min=10, help="Samples for each model and size.")] = 500,
    page: Annotated[Path, typer.Option(help="Page with the section.")] = ROOT / "docs/method.md",
) -> None:
    """Write the tables of coverage."""
    names = repeatable_models("digits/*")
    losses = [_losses(name) for name in track(names, "losses", console=console)]
    text = "\n".join([*_loss_table(losses, times), "", *_paired_table()])
    write_section(page, TOOL, f"{text}\n")
    console.print(f"{len(names)} models, written to {page}")


def _losses(name: str) -> dict[str, Losses]:
    """Losses of a model on all test images of digits, as the probes of its battery compute them."""
    data, battery = load_dataset("digits"), load_battery("digits-v1")
    subject = Subject(load_model(name).eval(), data.images, data.labels)
    flatness = cast("FlatnessSettings", battery.probes["flatness"])
    intrinsic = cast("IntrinsicSettings", battery.probes["intrinsic"])
    attacked = RobustLoss(flatness.eps, flatness.attack_steps)(subject)
    (divergence,) = maximum_divergence(subject, "linf", [intrinsic.headline])
    found = {
        "clean cross-entropy": cross_entropy(subject.logits(), subject.labels),
        "adversarial cross-entropy": attacked.losses,
        "divergence": divergence.values,
    }
    return {kind: values.detach().double().numpy() for kind, values in found.items()}


def _loss_table(losses: list[dict[str, Losses]], times: int) -> Iterator[str]:
    """Coverage of the mean of each loss over samples of ``n`` of a model's losses."""

    def ours(values: Losses) -> Score:
        return mean_loss(values, 10)

    yield f"Samples of the losses of {len(losses)} bundled digits models on the 600 test images:"
    yield ""
    yield line(["loss", *(f"n = {n}" for n in LOSS_SIZES)])
    yield "|---" * (1 + len(LOSS_SIZES)) + "|"
    for kind in losses[0]:
        of_models = [each[kind] for each in losses]
        steps = track(LOSS_SIZES, kind, console=console)
        shares = [[_covered(ours, values, n, times) for values in of_models] for n in steps]
        yield line([kind, *(_percent(np.mean(each)) for each in shares)])
        yield line(["the same, lowest of the models", *(_percent(min(each)) for each in shares)])
        student = [[_covered(mean, values, n, times) for values in of_models] for n in LOSS_SIZES]
        yield line(["the same, Student's in its place", *(_percent(np.mean(e)) for e in student)])


def _covered(interval: Callable[[Losses], Score], values: Losses, n: int, times: int) -> float:
    rng, truth, held = np.random.default_rng(16), values.mean(), 0
    for _ in range(times):
        score = interval(values[rng.integers(0, len(values), n)])
        held += score.low <= truth <= score.high
    return held / times


def _paired_table() -> Iterator[str]:
    """Coverage and error of the paired rule, by enumeration of everything that can happen."""
    covered, errors = [], []
    for n in track(PAIRED_SIZES, "paired shares", console=console):
        effects = _every_effect(n)
        covered.append([_probability(effects, n, p, g) for p in DIFFERING for g in GAINS])
        errors.append(1 - min(_probability(effects, n, p, 0.5) for p in DIFFERING))
    yield f"By enumeration, for {len(DIFFERING) * len(GAINS)} pairs of probabilities:"
    yield ""
    yield line(["paired shares", *(f"n = {n}" for n in PAIRED_SIZES)])
    yield "|---" * (1 + len(PAIRED_SIZES)) + "|"
    yield line(["coverage, mean", *(_percent(np.mean(each)) for each in covered)])
    yield line(["coverage, lowest", *(f"{100 * min(each):.1f}" for each in covered)])
    yield line(
        ["largest error of the test if there is no difference", *(f"{100 * e:.1f}" for e in errors)]
    )


def _every_effect(n: int) -> list[tuple[int, int, Effect]]:
    """Every possible number of examples that only one of two models has, with its interval."""
    return [
        (gained, lost, tango(gained, lost, n))
        for gained in range(n + 1)
        for lost in range(n + 1 - gained)
    ]


def _probability(
    effects: list[tuple[int, int, Effect]], n: int, differ: float, gain: float
) -> float:
    """Probability that the interval holds the true difference."""
    gained = np.array([each[0] for each in effects])
    lost = np.array([each[1] for each in effects])
    low = np.array([each[2].low for each in effects])
    high = np.array([each[2].high for each in effects])
    p, q = differ * gain, differ * (1 - gain)
    logs = gammaln(n + 1) - gammaln(gained + 1) - gammaln(lost + 1) - gammaln(n - gained - lost + 1)
    logs += gained * math.log(p) + lost * math.log(q) + (n - gained - lost) * math.log1p(-differ)
    return float(np.exp(logs)[(low <= p - q) & (p - q <= high)].sum())


def _percent(share: float | np.floating) -> str:
    return f"{100 * share:.0f}"


if __name__ == "__main__":
    run_command(run)
