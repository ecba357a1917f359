"""Worst-case robust flatness beside the code of Stutz et al. 2021, in the same balls.

Run ``python -m perf.flatness --peer FOLDER``, where ``FOLDER`` is a checkout of
``github.com/davidstutz/robust-generalization-flatness``. Both search with the same number of passes
over the examples per ascent, and theirs with several attempts, of which the best counts. With
``--write`` the table is written to a section of ``docs/performance.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmark.attacks.weights import weight_ball
from benchmark.batteries import load_battery
from benchmark.measures.flatness import Ascended, compare, worst_flatness
from benchmark.measures.robust_loss import LossIncrease, RobustLoss
from benchmark.probes.flatness import FlatnessSettings
from benchmark.subject import Subject, subject_of
from models_zoo.errors import InputError
from perf.cases import find_case
from perf.command import PAGE, Page, Shared, Threads, compute_on, run_command, shared_folder
from perf.flatness_peer import peer_code, peer_weights
from perf.page import write_section
from perf.records import surroundings

TOOL = "flatness"
MODELS = ("digits/cnn-pgd-at", "digits/mlp-pgd-at", "cifar10-resnet2b-adv", "cifar10-cnn-a-adv")


@dataclass(frozen=True)
class Line:
    """Worst-case flatness of one model at one radius, in nats.

    Attributes:
        model: name of the model.
        radius: of the weight ball.
        ours: by the battery's settings.
        theirs: increase at the weights of the authors' code, measured as ours.
    """

    model: str
    radius: float
    ours: float
    theirs: float


HEAD = "| model | radius | ours | theirs | theirs / ours |\n|---|---|---|---|---|\n"


def table(lines: Sequence[Line]) -> str:
    """Rows of a table under :data:`HEAD`."""
    return "".join(
        f"| {e.model} | {e.radius:g} | {e.ours:.4f} | {e.theirs:.4f} | {e.theirs / e.ours:.1%} |\n"
        for e in lines
    )


def measure(
    name: str, subject: Subject, settings: FlatnessSettings, code: Path, attempts: int
) -> list[Line]:
    """Both searches at every radius of the settings.

    Args:
        name: of the model.
        subject: model and examples.
        settings: radii, budget and effort.
        code: folder with the authors' code.
        attempts: number of theirs.
    """
    eps, epochs = float(settings.eps), settings.epochs
    loss = RobustLoss(eps, settings.attack_steps)
    radii = sorted({*settings.worst_radii, settings.worst_radius})
    balls = [weight_ball(subject, settings.threat(radius)) for radius in radii]
    ours = worst_flatness(subject, loss, balls, restarts=settings.restarts, epochs=epochs)
    lines = []
    with peer_code(code) as attacks:
        for ball, worst in zip(balls, ours, strict=True):
            ends = []
            for attempt in range(attempts):
                found, images = peer_weights(attacks, subject, ball, eps, epochs, attempt)
                ends.append(Ascended(ball.project(found), images))
            own, moved = compare(subject, loss, [loss(subject).images, worst.images], ends)
            theirs = max(float(LossIncrease.between(own, each).loss) for each in moved)
            lines.append(Line(name, ball.radius, float(worst.increase.loss), max(theirs, 0.0)))
            sys.stdout.write(table(lines[-1:]))
            sys.stdout.flush()
    return lines


def section(lines: Sequence[Line], attempts: int) -> str:
    """The section of the page."""
    on = surroundings("cpu")
    worst = max(lines, key=lambda line: line.theirs / line.ours)
    return (
        f"{attempts} attempts of theirs per radius. {on['processor']}, {on['cores']} cores, "
        f"{on['threads']} threads.\n\nNowhere do they find more than "
        f"{worst.theirs / worst.ours:.0%} of ours ({worst.model}, radius {worst.radius:g}).\n\n"
        f"{HEAD}{table(lines)}"
    )


def run(
    peer: Annotated[Path, typer.Option(help="Checkout of the authors' repository.")],
    model: Annotated[
        list[str] | None, typer.Option(help="Models, bundled or shared; by default four.")
    ] = None,
    attempts: Annotated[int, typer.Option(min=1, help="Attempts of the authors' code.")] = 2,
    shared: Shared = None,
    threads: Threads = None,
    write: Annotated[bool, typer.Option("--write", help="Write the table to the page.")] = False,
    page: Page = PAGE,
) -> None:
    """Compare worst-case robust flatness with the authors' code at equal steps."""
    compute_on("cpu", threads)
    sys.stdout.write(HEAD)
    lines: list[Line] = []
    for name in model or MODELS:
        case = find_case(name, shared_folder(shared))
        settings = load_battery(case.battery).probes.get("flatness")
        if not isinstance(settings, FlatnessSettings):
            raise InputError(f"battery {case.battery} has no flatness probe")
        data = case.examples()
        data = data.head(min(settings.examples, len(data)))
        with subject_of(case.load(), data.images, data.labels) as subject:
            lines += measure(name, subject, settings, peer, attempts)
    if write:
        write_section(page, TOOL, section(lines, attempts))


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
