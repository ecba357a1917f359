"""Models that draw random numbers: AutoAttack's version ``rand`` beside our attack.

Run ``python -m perf.randomized`` from the root of a checkout; it takes minutes and writes the table
of ``docs/probes/randomized.md``. On a model that replaces a share of its answers by random ones,
and that no small perturbation misclassifies, the truth is known: the accuracy without an attack.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
import typer
from torch import Tensor, nn

from benchmark.attacks.randomized import attack_draws
from benchmark.attacks.reference import isolated
from benchmark.budgets import Budget
from benchmark.datasets import load_dataset
from benchmark.generators import seed_generators
from benchmark.randomness import Draws
from benchmark.subject import Subject, subject_of
from benchmark.threats import InputThreat
from models_zoo import load_model
from perf.command import ROOT, console, run_command
from perf.page import line, write_section

TOOL = "randomized"
SECTION = ROOT / "docs/probes/randomized.md"
EXAMPLES = 100
DRAWS = 100
"""Fresh draws at which the images of both sides are scored."""


class Coin(nn.Module):
    """A linear model with ten classes that replaces a share of its answers by random ones.

    Class k is the one whose six pixels, from number 6k on, are bright.

    Args:
        share: of the answers.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        weight = torch.zeros(10, 64)
        for label in range(10):
            weight[label, 6 * label : 6 * label + 6] = 10
        self.weight, self.share = nn.Parameter(weight), share

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 10) of images (N, 1, 8, 8)."""
        logits = images.flatten(1) @ self.weight.T
        lucky = torch.rand(len(images), 1, device=images.device) < self.share
        return torch.where(lucky, 60 * torch.rand_like(logits), logits)


def coin_examples(count: int, wrong: int) -> tuple[Tensor, Tensor]:
    """Images that :class:`Coin` classifies correctly, whatever linf 0.1 does to them.

    Args:
        count: their number.
        wrong: how many of them, the first ones, get the label of another class.
    """
    labels = torch.arange(count) % 10
    images = torch.zeros(count, 64)
    for row, label in enumerate(labels.tolist()):
        images[row, 6 * label : 6 * label + 6] = 1
    labels[:wrong] = (labels[:wrong] + 1) % 10
    return images.view(-1, 1, 8, 8), labels


class Noise(nn.Module):
    """A model with Gaussian noise on its input.

    Args:
        model: the model.
        deviation: of the noise, input units.
    """

    def __init__(self, model: nn.Module, deviation: float) -> None:
        super().__init__()
        self.model, self.deviation = model, deviation

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K)."""
        logits: Tensor = self.model(images + self.deviation * torch.randn_like(images))
        return logits


def autoattack_rand(
    subject: Subject, eps: float, *, steps: int = 100, draws: int = 20
) -> tuple[Tensor, Tensor]:
    """AutoAttack's version ``rand`` in a linf ball.

    Args:
        subject: model and examples.
        eps: radius.
        steps: of APGD, 100 by default.
        draws: passes over which a gradient is averaged, 20 by default.

    Returns:
        Its images (N, C, H, W), and the classes (N,) that it reports for them.
    """
    from pyautoattack import AutoAttack  # slow to import

    with isolated(subject):
        seed_generators(0, subject.images.device)
        attack = AutoAttack(subject.forward, norm="Linf", eps=eps, version="rand", seed=0)
        attack.apgd.n_iter, attack.apgd.eot_iter = steps, draws
        images, predicted = attack.run_standard_evaluation(
            subject.images, subject.labels, batch_size=subject.batch_size
        )
    return images.detach(), predicted


@dataclass(frozen=True)
class Row:
    """Both attacks on a model.

    Attributes:
        name: of the model.
        clean: expected accuracy without an attack.
        reported: robust accuracy that AutoAttack returns.
        rescored: expected accuracy on AutoAttack's images.
        quick: expected accuracy on ours, with effort ``quick``.
        standard: the same with ``standard``.
        passes: images passed through the model per example, of the three attacks.
        seconds: processor time of the three attacks.
    """

    name: str
    clean: float
    reported: float
    rescored: float
    quick: float
    standard: float
    passes: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def cells(self) -> list[str]:
        """Cells of the table."""
        shares = [self.clean, self.reported, self.rescored, self.quick, self.standard]
        return [
            self.name,
            *(f"{each:.1%}" for each in shares),
            " / ".join(f"{each:,.0f}" for each in self.passes),
            " / ".join(f"{each:.1f}" for each in self.seconds),
        ]


def measure(name: str, model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Row:
    """Run both attacks on a model."""
    passes: list[float] = []
    seconds: list[float] = []
    found: list[float] = []
    with subject_of(model, images, labels) as subject:
        rows = torch.arange(len(images))
        draws = Draws.of(subject)
        for side in ("rand", "quick", "standard"):
            start, before = time.process_time(), subject.passes.forwards + subject.passes.backwards
            if side == "rand":
                adversarial, predicted = autoattack_rand(subject, eps)
                attacked = draws.score(adversarial, rows, DRAWS, "score").right
            else:
                result = attack_draws(subject, InputThreat("linf", Budget.of(eps)), side, DRAWS)
                attacked, clean = result.right, result.expected_clean
            seconds.append(time.process_time() - start)
            done = subject.passes.forwards + subject.passes.backwards - before
            if side == "rand":  # its backward passes are not counted, and are about as many
                done *= 2
            passes.append(done / len(images))
            found.append(float(attacked.double().mean()))
    reported = float((predicted == labels).double().mean())
    rescored, quick, standard = found
    return Row(name, clean, reported, rescored, quick, standard, tuple(passes), tuple(seconds))


def cases() -> Iterator[tuple[str, nn.Module, Tensor, Tensor, float]]:
    """Name, model, images, labels and linf budget."""
    for share in (0.05, 0.2):
        yield f"random answers, {share:.0%}", Coin(share), *coin_examples(EXAMPLES, 10), 0.1
    data = load_dataset("digits").head(EXAMPLES)
    for base, deviation, eps in (
        ("mlp-pgd-at", 0.1, 0.2),
        ("mlp-pgd-at", 0.2, 0.2),
        ("mlp-standard", 0.2, 0.1),
    ):
        model = Noise(load_model(f"digits/{base}"), deviation)
        yield f"digits/{base}, noise {deviation:g}", model, data.images, data.labels, eps


def main(
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
) -> None:
    """Measure and write the table."""
    torch.set_num_threads(threads)
    names = [
        "model",
        "without attack",
        "`rand`, reported",
        "`rand`, rescored",
        "`quick`",
        "`standard`",
        "passes per example, `rand` / `quick` / `standard`",
        "processor seconds",
    ]
    lines = [line(names), line(["---"] * len(names))]
    for case in cases():
        row = measure(*case)
        console.print(" ".join(row.cells), markup=False)
        lines.append(line(row.cells))
    text = (
        f"{EXAMPLES} examples, {DRAWS} fresh draws, one thread; the smaller, the stronger the "
        "attack, but no honest number of a model with random answers is below the first column."
    )
    write_section(SECTION, TOOL, "\n".join([text, "", *lines]) + "\n")


if __name__ == "__main__":
    run_command(main)
