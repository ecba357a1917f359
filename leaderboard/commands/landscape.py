"""``nonsingular landscape``: charts of the loss around a model and of its decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leaderboard.commands.options import (
    Architecture,
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
from leaderboard.output_paths import require_folder_place
from leaderboard.terminal.output import console, say
from models_zoo.display import shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from benchmark.datasets import Dataset
    from benchmark.landscape import Landscape, LandscapeSettings
    from models_zoo.classifier import Classifier

SCHEMA_VERSION = 2
"""Increased when readers of the JSON file have to change."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(landscape)


def landscape(
    model: Annotated[str | None, typer.Argument(help="Model, as 'bench' takes it.")] = None,
    eps: Annotated[
        str | None,
        typer.Option(
            help="Linf budget of the adversarial examples, such as 8/255; by default that of "
            "flatness in the data set's battery."
        ),
    ] = None,
    directions: Annotated[int, typer.Option(help="Random directions of the curves.")] = 5,
    points: Annotated[int, typer.Option(help="Points along a direction, odd.")] = 21,
    steps: Annotated[int, typer.Option(help="PGD steps of the adversarial examples.")] = 10,
    contour: Annotated[
        int, typer.Option(help="Points along either axis of a contour, odd; 0 for no contour.")
    ] = 0,
    decisions: Annotated[
        int, typer.Option(help="Images whose decision surface is drawn; 0 for none.")
    ] = 3,
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
    out: Annotated[
        Path, typer.Option(help="Folder the page and its numbers are written into.")
    ] = Path("landscape"),
) -> None:
    """Draw the loss around a model's weights and its decisions around images.

    Writes a self-contained page and a JSON file with every number, both named after the model. Each
    point of a curve or contour costs one attack on all examples: start with few --examples for
    large models.
    """
    name = data_set_of(model, checkpoint, dataset)
    radius = None if eps is None else budget("--eps", eps)
    require_folder_place(out)

    from benchmark.batteries import battery_for
    from benchmark.landscape import LandscapeSettings
    from leaderboard.jobs.examples import evaluation_examples, preprocessing_for

    settings = LandscapeSettings(
        eps=_budget_of(name) if radius is None else radius,
        steps=steps,
        directions=directions,
        points=points,
        contour=contour,
        decisions=decisions,
    )
    device = chosen_device(device)
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
    try:
        found = _measure(subject, images, settings, seed, device)
    except KeyboardInterrupt:
        say("stopped; nothing was written", err=True)
        raise typer.Exit(130) from None
    page = _write(out, subject, images, settings, found, device)
    _print_increases(found)
    say(f"landscape: {page.resolve().as_uri()}")


def _budget_of(dataset: str) -> float:
    """The input budget of flatness in the data set's battery."""
    from benchmark.batteries import battery_for

    battery = battery_for(dataset)
    found = battery.robust_loss_budget
    if found is None:
        raise InputError(f"battery {shown(battery.name)} has no budget for flatness; give --eps")
    return found


def _measure(
    model: Classifier, data: Dataset, settings: LandscapeSettings, seed: int, device: str
) -> Landscape:
    """Measure, and show the progress."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from benchmark.landscape import measure_landscape
    from benchmark.subject import subject_of

    with (
        Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console(stderr=True),
            transient=True,
        ) as bar,
        subject_of(model, data.images, data.labels, seed=seed, device=device) as subject,
    ):
        line = bar.add_task(model.card.name, total=settings.measured)
        return measure_landscape(subject, settings, lambda: bar.advance(line))


def _write(
    out: Path,
    model: Classifier,
    data: Dataset,
    settings: LandscapeSettings,
    found: Landscape,
    device: str,
) -> Path:
    """Write the numbers and the page, each file atomically."""
    from dataclasses import asdict

    from benchmark.provenance import versions
    from benchmark.serialization import finite
    from leaderboard.formatting.slugs import slug
    from leaderboard.formatting.texts import plain
    from leaderboard.pages.landscape import landscape_page
    from models_zoo.checkpoint.writing import write_bytes

    origin: dict[str, Any] = {
        "model": model.card.name,
        "fingerprint": model.fingerprint,
        "data_sha256": data.sha256,
        "device": device,
        "versions": versions(),
    }
    content = {
        "schema_version": SCHEMA_VERSION,
        **origin,
        "settings": asdict(settings),
        "landscape": found.model_dump(mode="python"),
    }
    text = {name.replace("_", " "): plain(value) for name, value in origin.items()}
    page = landscape_page(found, model.card.name, settings.eps, text)
    content_text = json.dumps(finite(content), allow_nan=False, indent=1)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into {out}: {error.strerror}") from error
    target = out / f"{slug(model.card.name)}.html"
    write_bytes(target.with_suffix(".json"), content_text.encode())
    write_bytes(target, page.encode("utf-8", "replace"))
    return target


def _print_increases(found: Landscape) -> None:
    from rich.table import Table

    from leaderboard.pages.landscape import increase_rows
    from leaderboard.terminal.output import print_full_width

    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("loss", no_wrap=True)
    for heading in ("|alpha|", "increase (nats)", "95% interval"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in increase_rows(found):
        table.add_row(*row)
    print_full_width(table)
