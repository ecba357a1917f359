"""``nonsingular compare-autoattack``: compare our input attack with AutoAttack."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from leaderboard.commands.options import (
    Architecture,
    BatchSize,
    Checkpoint,
    Data,
    DataRoot,
    Device,
    Examples,
    Mean,
    Seed,
    Std,
    TrainedFor,
    Trust,
    Weights,
    budget,
    chosen_device,
    numbers,
)
from leaderboard.jobs.model_selection import data_set_of, one_model
from leaderboard.output_paths import require_file_place
from leaderboard.terminal.output import console, say
from models_zoo.display import shown
from models_zoo.errors import InputError, unknown_name

if TYPE_CHECKING:
    from benchmark.comparison import Comparison
    from benchmark.datasets import Dataset
    from models_zoo.classifier import Classifier


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare-autoattack")(compare_autoattack)


def compare_autoattack(
    model: Annotated[str | None, typer.Argument(help="Model, as 'bench' takes it.")] = None,
    norm: Annotated[str, typer.Option(help="Norm of the balls: 'linf', 'l2' or 'l1'.")] = "linf",
    eps: Annotated[
        list[str] | None,
        typer.Option(
            help="Radius of the balls, such as 8/255; repeatable. By default the headline budget "
            "of the data set's battery."
        ),
    ] = None,
    effort: Annotated[
        list[str] | None,
        typer.Option(
            help="Effort of our attack: 'quick', 'standard' or 'thorough'; repeatable. By default "
            "the first two."
        ),
    ] = None,
    examples: Examples = None,
    data: Data = None,
    data_root: DataRoot = None,
    checkpoint: Checkpoint = None,
    architecture: Architecture = None,
    dataset: TrainedFor = None,
    mean: Mean = None,
    std: Std = None,
    weights: Weights = None,
    trust: Trust = False,
    seed: Seed = 0,
    device: Device = "cpu",
    batch_size: BatchSize = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; by default what PyTorch chooses.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the comparison to this file as well.")
    ] = None,
) -> None:
    """Run our input attack and AutoAttack on the same examples, and compare strength and cost.

    Both run in this process, one after the other, with the same seed, batch size and threads. The
    images of both are measured and classified again. AutoAttack is slow: start with few
    --examples.
    """
    require_file_place(json_file, "--json")
    name = data_set_of(model, checkpoint, dataset)
    radii = [budget("--eps", text) for text in eps or []]

    import torch

    from benchmark.attacks.inputs import EFFORTS
    from benchmark.batteries import battery_for
    from benchmark.comparison import compare_autoattack as compare
    from benchmark.memory import DEFAULT_BATCH_SIZE
    from benchmark.spaces.inputs import NORMS
    from leaderboard.commands.comparison_table import print_comparison_table
    from leaderboard.jobs.examples import evaluation_examples, preprocessing_for

    device = chosen_device(device)
    if threads is not None:
        torch.set_num_threads(threads)
    efforts = effort or ["quick", "standard"]
    for kind, given, known in (("norm", [norm], NORMS), ("effort", efforts, EFFORTS)):
        for unknown in set(given) - set(known):
            raise unknown_name(kind, unknown, known)
    radii = radii or [_headline(name, norm)]
    prepared = preprocessing_for(name, [model] if model else [])
    images = evaluation_examples(
        *(name, data, data_root, examples),
        preparation=prepared,
        battery=None if eps else battery_for(name),  # whose budget is used
        allow="--eps",
    )
    subject = one_model(
        model,
        checkpoint,
        architecture,
        name,
        images,
        mean=numbers("--mean", mean),
        std=numbers("--std", std),
        trust=trust,
        weights=weights,
    )
    run = partial(
        compare,
        subject,
        images.images,
        images.labels,
        norm=norm,
        efforts=efforts,
        seed=seed,
        device=device,
        batch_size=batch_size or DEFAULT_BATCH_SIZE,
    )
    done: list[Comparison] = []
    try:
        _run_all(radii, run, done)
    except KeyboardInterrupt:
        if done:
            print_comparison_table(done)
        say(f"stopped after {len(done)} of {len(radii)} budgets", err=True)
        raise typer.Exit(130) from None
    print_comparison_table(done)
    if json_file is not None:
        _write(json_file, subject, images, done)


def _headline(dataset: str, norm: str) -> float:
    """The headline budget of the data set's battery."""
    from benchmark.batteries import battery_for

    battery = battery_for(dataset)
    found = battery.headline_budget(norm)
    if found is None:
        raise InputError(
            f"battery {shown(battery.name)} has no headline budget for {norm}; give --eps"
        )
    return found


def _run_all(radii: list[float], run: Callable[..., Comparison], done: list[Comparison]) -> None:
    """Compare at one budget after the other, and append each result to ``done``."""
    from benchmark.budgets import budget_text

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[state]}", style="dim", markup=False),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    ) as bar:
        for eps in radii:
            line = bar.add_task(f"budget {budget_text(eps)}", total=1, state="")
            done.append(run(eps=eps, progress=partial(_show, bar, line)))
            bar.update(line, completed=1, state="done")
            if not bar.console.is_terminal:
                bar.console.print(f"budget {budget_text(eps)} is done")


def _show(bar: Progress, line: TaskID, text: str) -> None:
    bar.update(line, state=text)


def _write(file: Path, model: Classifier, data: Dataset, done: list[Comparison]) -> None:
    from benchmark.provenance import versions
    from models_zoo.checkpoint.writing import write_bytes

    content = {
        "schema_version": 1,
        "model": model.card.name,
        "fingerprint": model.fingerprint,
        "data_sha256": data.sha256,
        "versions": versions(),
        "comparisons": [each.model_dump(mode="json") for each in done],
    }
    write_bytes(file, json.dumps(content, allow_nan=False, indent=1).encode())
