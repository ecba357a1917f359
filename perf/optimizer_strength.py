"""Repeat searches over weights with ten times the steps, to see how much they miss.

Run ``python -m perf.optimizer_strength`` from the root of a checkout. Every bundled model and every
shared checkpoint is measured on all its examples, with the settings of its battery. With
``--write`` the table is written to a section of ``docs/performance.md``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmark.batteries import load_battery
from benchmark.subject import subject_of
from models_zoo.errors import InputError, unknown_name
from perf.cases import WholeModel, whole_models
from perf.command import (
    PAGE,
    Device,
    Page,
    Shared,
    Threads,
    compute_on,
    console,
    matches,
    run_command,
    shared_folder,
)
from perf.model_file import ModelFile
from perf.page import write_section
from perf.records import surroundings
from perf.strength_questions import QUESTIONS

TOOL = "optimizer_strength"


@dataclass(frozen=True)
class Line:
    """One value at the battery's steps and at more of them.

    Attributes:
        model: name of the model.
        kind: what the value is.
        place: what it is at, such as a radius.
        usual: at the battery's steps.
        longer: at more steps.
    """

    model: str
    kind: str
    place: str
    usual: float
    longer: float

    @property
    def value(self) -> str:
        """Kind and place as text."""
        return f"{self.kind}, {self.place}"

    @property
    def change(self) -> float:
        """Relative to the value at the battery's steps; infinite where only that is zero."""
        if self.longer == self.usual:
            return 0.0
        return abs(self.longer - self.usual) / abs(self.usual) if self.usual else float("inf")


HEAD = "| model | value | battery's steps | more steps | change |\n|---|---|---|---|---|\n"


def table(lines: Sequence[Line]) -> str:
    """Rows of a table under :data:`HEAD`."""
    return "".join(
        f"| {e.model} | {e.value} | {e.usual:.4f} | {e.longer:.4f} | {e.change:.1%} |\n"
        for e in lines
    )


def summary(lines: Sequence[Line]) -> str:
    """The largest change of each kind of value."""
    text = ""
    for kind in dict.fromkeys(line.kind for line in lines):
        most = max((e for e in lines if e.kind == kind), key=lambda e: e.change)
        text += f"\nLargest change of {kind}: {most.change:.1%} ({most.model}, {most.value})\n"
    return text


def section(lines: Sequence[Line], factor: int, device: str) -> str:
    """The section of the page: machine and versions, the largest changes, all rows."""
    on = surroundings(device)
    packages = ", ".join(f"{name} {version}" for name, version in on["versions"].items())
    return (
        f"{factor} times the steps. {on['processor']}, {on['cores']} cores, {on['threads']} "
        f"threads, {device}; {packages}.\n{summary(lines)}\n"
        f"<details><summary>All {len(lines)} values</summary>\n\n{HEAD}{table(lines)}\n</details>\n"
    )


def measure(
    case: WholeModel,
    questions: Sequence[str],
    factor: int,
    device: str = "cpu",
    examples: int | None = None,
) -> list[Line]:
    """Compute every value of a model twice.

    Args:
        case: the model with its examples and battery.
        questions: names of :data:`QUESTIONS`.
        factor: on the number of steps the second time.
        device: where to compute.
        examples: use only the first so many examples.
    """
    battery, data = load_battery(case.battery), case.examples()
    data = data if examples is None else data.head(min(examples, len(data)))
    lines: list[Line] = []
    with (
        console.status(case.model) as status,
        subject_of(
            case.load(),
            data.images,
            data.labels,
            device=device,
            progress=lambda text: status.update(f"{case.model}: {text}"),
        ) as subject,
    ):
        for name in questions:
            usual, longer = (QUESTIONS[name](subject, battery, times) for times in (1, factor))
            lines += [Line(case.model, *key, value, longer[key]) for key, value in usual.items()]
    console.print(f"{case.model}: measured")
    return lines


def run(
    shared: Shared = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only models that match, such as 'digits/*'.")
    ] = None,
    ask: Annotated[
        list[str] | None, typer.Option(help="Only these searches; by default all.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="A file of weights to measure instead; see the next four.")
    ] = None,
    architecture: Annotated[
        str | None, typer.Option(help="The file's architecture, such as 'cnn'.")
    ] = None,
    dataset: Annotated[str, typer.Option(help="The file's data set.")] = "digits",
    mean: Annotated[
        list[float] | None, typer.Option(help="Subtracted from images, per channel or one for all.")
    ] = None,
    std: Annotated[list[float] | None, typer.Option(help="Divided by afterwards.")] = None,
    factor: Annotated[int, typer.Option(min=2, help="Factor of the number of steps.")] = 10,
    examples: Annotated[
        int | None, typer.Option(min=1, help="Use only the first N examples of each model.")
    ] = None,
    threads: Threads = None,
    device: Device = "cpu",
    write: Annotated[
        bool, typer.Option("--write", help="Write the measurements to the page.")
    ] = False,
    page: Page = PAGE,
) -> None:
    """Repeat the searches over weights with more steps and print how much that changes."""
    for name in ask or ():
        if name not in QUESTIONS:
            raise unknown_name("search", name, QUESTIONS)
    compute_on(device, threads)
    folder = shared_folder(shared)
    if model is None:
        cases = [case for case in whole_models(folder) if matches(case.model, only)]
    elif architecture is None:
        raise InputError(f"state the --architecture of {model}")
    else:
        normalization = tuple(mean or [0.0]), tuple(std or [1.0])
        cases = [ModelFile(model, architecture, dataset, *normalization).whole(folder)]
    if not cases:
        raise InputError(f"no available model matches {' or '.join(map(repr, only or ['*']))}")
    sys.stdout.write(HEAD)
    lines: list[Line] = []
    for case in cases:
        found = measure(case, ask or list(QUESTIONS), factor, device, examples)
        sys.stdout.write(table(found))
        sys.stdout.flush()
        lines += found
    sys.stdout.write(summary(lines))
    if write:
        write_section(page, TOOL, section(lines, factor, device))


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
