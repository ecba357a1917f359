"""``nonsingular submit``: check a checkpoint, keep it, score it, show it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.description_options import (
    Authors,
    CleanAccuracy,
    DescriptionFile,
    ExtraData,
    Licence,
    Name,
    Notes,
    OwnArchitecture,
    Paper,
    Recipe,
    ScoredDataset,
    described,
)
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
)
from leaderboard.commands.submit_online import Server, TokenOption, client_of, submit_online
from leaderboard.submissions.names import require_unlike
from leaderboard.submissions.template import FILE, write_template
from leaderboard.terminal.output import detail, note, say
from models_zoo.errors import InputError, shown


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(submit)


def submit(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Checkpoint: .safetensors, .pt with only tensors, or .onnx; with --init, where "
            "the template is written.",
            show_default=False,
        ),
    ] = None,
    init: Annotated[
        bool,
        typer.Option(
            "--init", help="Write a commented template, by default submission.toml, and exit."
        ),
    ] = False,
    description: DescriptionFile = None,
    name: Name = None,
    dataset: ScoredDataset = None,
    architecture: OwnArchitecture = None,
    mean: Mean = None,
    std: Std = None,
    paper: Paper = None,
    authors: Authors = None,
    licence: Licence = None,
    recipe: Recipe = None,
    extra_data: ExtraData = None,
    notes: Notes = None,
    clean_accuracy: CleanAccuracy = None,
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
    server: Server = None,
    token: TokenOption = None,
    no_wait: Annotated[
        bool,
        typer.Option("--no-wait", help="With --server, do not wait for the verdict and scores."),
    ] = False,
) -> None:
    """Check a checkpoint, keep a copy by its hash, score it and put its row on the leaderboard.

    With --server a service does all that: the file is sent, and the verdict and the progress are
    shown.
    """
    if init:
        path = file or FILE
        write_template(path)
        note(f"wrote {shown(path)}; fill it in and give it with --description")
        return
    if file is None:
        raise InputError("name the checkpoint to submit, or write a template with --init")
    said = described(
        description,
        name=name,
        dataset=dataset,
        battery=battery,
        architecture=architecture,
        mean=mean,
        std=std,
        weights=weights,
        paper=paper,
        authors=authors,
        licence=licence,
        recipe=recipe,
        extra_data=extra_data,
        notes=notes,
        clean_accuracy=clean_accuracy,
    )
    if file.suffix.lower() == ".pt2":
        raise InputError(
            f"submission {shown(file)} is refused: loading an exported program can execute code; "
            "submit an .onnx file, or the weights with --architecture"
        )

    if server is not None:
        _require_local_only(
            {
                "--probe": probe,
                "--data": data,
                "--own-data": own_data or None,
                "--data-root": data_root,
                "--examples": examples,
                "--database": None if database == DATABASE else database,
                "--out": None if out == OUT else out,
                "--seed": seed or None,
                "--device": None if device == "cpu" else device,
                "--batch-size": batch_size,
            }
        )
        code = submit_online(client_of(server, token), file, said, wait=not no_wait)
        raise typer.Exit(code)
    if token is not None or no_wait:
        raise InputError("--token and --no-wait go with --server, the address of a service")

    from benchmark.batteries import battery_for, load_battery
    from leaderboard.commands.cost_table import print_costs
    from leaderboard.commands.score_table import print_scores
    from leaderboard.jobs.examples import evaluation_examples
    from leaderboard.jobs.run import Run, require_scorable
    from leaderboard.jobs.scoring import score_models
    from leaderboard.pages import render_site
    from leaderboard.pages.publish import require_site_place
    from leaderboard.store import Store
    from leaderboard.submissions.admission import admitted, require_kind
    from leaderboard.submissions.workspace import keep, workspace_of
    from leaderboard.terminal.model_notes import print_notes
    from models_zoo import list_models
    from models_zoo.checkpoint import read_file

    require_site_place(out)
    chosen = battery_for(said.dataset) if said.battery is None else load_battery(said.battery)
    if chosen.dataset != said.dataset:
        raise InputError(
            f"--dataset is {shown(said.dataset)}, battery {shown(chosen.name)} is for "
            f"{chosen.dataset}"
        )
    probes = chosen.select(probe)
    loaded = evaluation_examples(
        *(said.dataset, data, data_root, examples),
        usual=chosen.examples,
        battery=chosen,
        own_data=own_data,
    )
    if said.name in list_models():
        raise InputError(f"the name {shown(said.name)} is a model of the zoo; choose another name")
    require_unlike(said.name, list_models())
    read = read_file(file, inspect=require_kind(file))
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
    model, verdict, accepted = admitted(said, read, loaded)
    print_notes(model)
    for each in verdict.findings:
        note(f"{each.severity}: {each.id}: {each.saw}; {each.fix}")
    require_scorable([model], run)
    store = Store.open(database)  # not earlier: nothing remains of a refused submission
    require_unlike(said.name, store.names().values())
    kept = keep(accepted, workspace_of(database))
    score = verdict.facts.clean_accuracy
    clean = "" if score is None else f": {score.value:.1%} clean"
    note(f"accepted {shown(said.name)}{clean}; kept as {kept}")
    reports = score_models([model], run, store, submitted=True)
    print_scores([said.name], reports, chosen)
    print_costs([said.name], reports)
    say(f"leaderboard: {render_site(store, out).resolve().as_uri()}")


def _require_local_only(given: Mapping[str, object]) -> None:
    """Refuse options that a service decides about.

    Args:
        given: by option; ``None`` for those that were not given.

    Raises:
        InputError: one was given.
    """
    for option, value in given.items():
        if value is not None:
            raise InputError(f"{option} goes without --server: the service decides about it")
