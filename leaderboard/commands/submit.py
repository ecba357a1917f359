"""``nonsingular submit``: check a checkpoint, keep it, score it, show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from leaderboard.commands.options import (
    DATABASE,
    OUT,
    BatchSize,
    Data,
    Database,
    DataRoot,
    Device,
    Examples,
    Mean,
    Out,
    OwnData,
    Seed,
    Std,
    Weights,
    chosen_device,
    numbers,
)
from leaderboard.submissions.names import require_name, require_unlike
from leaderboard.terminal.output import detail, note, say
from models_zoo.errors import InputError, first_problem, shown


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(submit)


def submit(
    file: Annotated[
        Path, typer.Argument(help="Checkpoint: .safetensors, .pt with only tensors, or .onnx.")
    ],
    name: Annotated[str, typer.Option(help="Name on the leaderboard.")],
    dataset: Annotated[
        str, typer.Option(help="Data set whose battery scores it, such as 'digits'.")
    ],
    architecture: Annotated[
        str | None,
        typer.Option(help="Architecture, such as 'cifar-resnet20'; an .onnx contains its own."),
    ] = None,
    mean: Mean = None,
    std: Std = None,
    paper: Annotated[str | None, typer.Option(help="Address of the paper.")] = None,
    licence: Annotated[str | None, typer.Option(help="SPDX identifier of the licence.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="How it was trained, such as 'pgd-at'.")
    ] = None,
    notes: Annotated[str, typer.Option(help="Anything a reader should know.")] = "",
    battery: Annotated[
        str | None,
        typer.Option(
            help="Battery that scores it: its name, or a file of your own, FILE.toml; by default "
            "the newest of the data set."
        ),
    ] = None,
    probe: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this probe of the battery for now; repeatable. The same command without it "
            "adds the others."
        ),
    ] = None,
    weights: Weights = None,
    data: Data = None,
    own_data: OwnData = False,
    data_root: DataRoot = None,
    examples: Examples = None,
    database: Database = DATABASE,
    out: Out = OUT,
    seed: Seed = 0,
    device: Device = "cpu",
    batch_size: BatchSize = None,
) -> None:
    """Check a checkpoint, keep a copy by its hash, score it and put its row on the leaderboard."""
    _require_text("--name", name, 200)
    _require_text("--recipe", recipe or "", 100)
    _require_text("--licence", licence or "", 100)
    _require_text("--notes", notes, 2000, lines=True)
    if file.suffix.lower() == ".pt2":
        raise InputError(
            f"submission {shown(file)} is refused: loading an exported program can execute code; "
            "submit an .onnx file, or the weights with --architecture"
        )

    from benchmark.batteries import battery_for, load_battery
    from leaderboard.commands.cost_table import print_costs
    from leaderboard.commands.score_table import print_scores
    from leaderboard.jobs.examples import evaluation_examples
    from leaderboard.jobs.run import Run, require_scorable
    from leaderboard.jobs.scoring import score_models
    from leaderboard.pages import render_site
    from leaderboard.pages.publish import require_site_place
    from leaderboard.store import Store
    from leaderboard.submissions.accuracy_check import explanations
    from leaderboard.submissions.admission import admit
    from leaderboard.submissions.architecture_proposal import missing_architecture
    from leaderboard.submissions.workspace import keep, read_submission, workspace_of
    from leaderboard.terminal.model_notes import print_notes
    from models_zoo import list_models, load_file
    from models_zoo.card import Card, Training

    require_site_place(out)
    require_name(name)
    chosen = battery_for(dataset) if battery is None else load_battery(battery)
    if chosen.dataset != dataset:
        raise InputError(
            f"--dataset is {shown(dataset)}, battery {shown(chosen.name)} is for {chosen.dataset}"
        )
    probes = chosen.select(probe)
    loaded = evaluation_examples(
        *(dataset, data, data_root, examples),
        usual=chosen.examples,
        battery=chosen,
        own_data=own_data,
    )
    read = read_submission(file, weights)
    subtracted, divided = numbers("--mean", mean), numbers("--std", std)
    if architecture is None and file.suffix.lower() != ".onnx":
        raise missing_architecture(read, dataset, loaded, subtracted, divided, weights)
    model = load_file(
        read,
        name=name,
        architecture=architecture,
        dataset=dataset,
        classes=loaded.classes,
        input_shape=loaded.input_shape,
        mean=subtracted,
        std=divided,
        source="submitted",
        weights=weights,
    )
    print_notes(model)
    extra = {
        "paper": paper,
        "licence": licence,
        "notes": notes,
        "training": Training(recipe=recipe, data="as stated by the submitter") if recipe else None,
    }
    try:
        model.card = Card.model_validate(model.card.model_dump() | extra)
    except ValidationError as error:
        option, reason, given = first_problem(error)
        raise InputError(f"--{option}: {reason}, got {given!r}") from error
    run = Run(
        chosen,
        loaded,
        probes,
        seed=seed,
        device=chosen_device(device),
        batch_size=batch_size,
        own_data=own_data,
    )
    detail(f"battery {chosen.name}, SHA-256 {chosen.sha256}: {', '.join(probes)}")
    require_scorable([model], run)
    require_unlike(name, list_models())
    accuracy = admit(model, loaded, lambda: " ".join(explanations(model, loaded)))
    store = Store.open(database)  # not earlier: nothing remains of a refused submission
    require_unlike(name, store.names().values())
    kept = keep(read, workspace_of(database))
    note(f"accepted {shown(name)}: {accuracy:.1%} clean; kept as {kept}")
    reports = score_models([model], run, store, submitted=True)
    print_scores([name], reports, chosen)
    print_costs([name], reports)
    say(f"leaderboard: {render_site(store, out).resolve().as_uri()}")


def _require_text(option: str, text: str, longest: int, *, lines: bool = False) -> None:
    """Refuse text that a page cannot show: another encoding, control characters, too long."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            f"{option} {shown(text)} is not UTF-8; set the terminal's encoding to UTF-8 and "
            f"type it again"
        ) from None
    if len(text) > longest:
        raise InputError(
            f"{option} {text[:40]!r}... has {len(text):,} characters; write at most {longest:,}"
        )
    if not "".join(text.split("\n") if lines else [text]).isprintable():
        raise InputError(f"{option} {shown(text)} has characters that do not print; leave them out")
