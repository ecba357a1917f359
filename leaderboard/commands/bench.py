"""``nonsingular bench``: score models and render the leaderboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.commands.options import (
    DATABASE,
    OUT,
    Architecture,
    BatchSize,
    Checkpoint,
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
    Trust,
    Weights,
    chosen_device,
    numbers,
)
from leaderboard.output_paths import require_file_place
from leaderboard.terminal.output import detail, note, say
from models_zoo.display import shown
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from benchmark.batteries import Battery


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models of the zoo, with wildcards * and ?, or of other sources, such as net.onnx "
            "or robustbench:cifar10/Linf/Wong2020Fast; by default the bundled models of the "
            "battery's data set."
        ),
    ] = None,
    battery: Annotated[
        str | None,
        typer.Option(
            help="Battery: its name, or a file of your own, FILE.toml (docs/batteries.md); by "
            "default that of the models' data set."
        ),
    ] = None,
    probe: Annotated[
        list[str] | None, typer.Option(help="Only this probe of the battery; repeatable.")
    ] = None,
    examples: Examples = None,
    data: Data = None,
    own_data: OwnData = False,
    data_root: DataRoot = None,
    split: Annotated[
        str,
        typer.Option(
            help="'train' for images that models were trained on: such results are not on the "
            "leaderboard; the findings use them for the generalization gap."
        ),
    ] = "test",
    checkpoint: Checkpoint = None,
    architecture: Architecture = None,
    mean: Mean = None,
    std: Std = None,
    weights: Weights = None,
    trust: Trust = False,
    database: Database = DATABASE,
    out: Out = OUT,
    seed: Seed = 0,
    device: Device = "cpu",
    batch_size: BatchSize = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute stored scores again.")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the reports to this file as well.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Models scored at once; by default one per CPU core.")
    ] = None,
    render: Annotated[
        bool, typer.Option("--site/--no-site", help="Render the leaderboard afterwards.")
    ] = True,
) -> None:
    """Score models with a battery, store the scores and render the leaderboard.

    Scores that are stored for the same model, battery, data and seed are not computed again, so an
    interrupted run resumes where it was.
    """
    from leaderboard.commands.cost_table import print_costs
    from leaderboard.commands.score_table import print_scores
    from leaderboard.jobs.examples import evaluation_examples, preprocessing_for
    from leaderboard.jobs.model_selection import for_dataset, from_checkpoint, require_file
    from leaderboard.jobs.scoring import Job, require_scorable, score_models
    from leaderboard.store import Store
    from leaderboard.terminal.model_notes import print_notes
    from models_zoo import load_model
    from models_zoo.checkpoint.writing import write_bytes

    require_file_place(json_file, "--json")
    if render:
        from leaderboard.pages.publish import require_site_place

        require_site_place(out)
    names, chosen = _choose(models or [], battery, checkpoint, own_data=own_data)
    probes = chosen.select(probe)
    prepared = preprocessing_for(chosen.dataset, names)
    examples_of = evaluation_examples(
        chosen.dataset,
        data,
        data_root,
        examples,
        usual=chosen.examples,
        split=split,
        preparation=prepared,
        battery=chosen,
        own_data=own_data,
    )
    require_file(checkpoint, weights)
    if checkpoint is not None:
        dataset = chosen.dataset
        loaded = [
            from_checkpoint(
                checkpoint,
                architecture,
                dataset,
                examples_of,
                mean=numbers("--mean", mean),
                std=numbers("--std", std),
                trust=trust,
                weights=weights,
            )
        ]
    else:
        models_of = (load_model(name, trust=trust) for name in names)
        loaded = [print_notes(for_dataset(model, chosen.dataset)) for model in models_of]
    device = chosen_device(device)
    job = Job(
        chosen,
        examples_of,
        probes,
        seed=seed,
        device=device,
        fresh=fresh,
        batch_size=batch_size,
        own_data=own_data,
    )
    detail(f"battery {chosen.name}, SHA-256 {chosen.sha256}: {', '.join(probes)}")
    detail(f"data {chosen.dataset}, {len(examples_of)} examples, SHA-256 {examples_of.sha256}")
    detail(f"seed {seed}, device {device}, database {database}")
    require_scorable(loaded, job)
    store = Store.open(database)
    reports = score_models(loaded, job, store, jobs=jobs)
    names = [model.card.name for model in loaded]
    print_scores(names, reports, chosen)
    print_costs(names, reports)
    if json_file is not None:
        content = {m.card.name: r.to_json() for m, r in zip(loaded, reports, strict=True)}
        write_bytes(json_file, json.dumps(content, allow_nan=False, indent=1).encode())
    if render:
        from leaderboard.pages import render_site

        say(f"leaderboard: {render_site(store, out).resolve().as_uri()}")


def _choose(
    patterns: list[str], battery: str | None, checkpoint: Path | None, *, own_data: bool
) -> tuple[list[str], Battery]:
    """The names of the models, and the battery."""
    from benchmark.batteries import battery_for, load_battery

    if checkpoint is not None and patterns:
        raise InputError("give either models by name or --checkpoint, not both")
    if checkpoint is not None and battery is None:
        raise InputError("--checkpoint needs --battery, such as --battery cifar10-linf-v1")
    chosen = load_battery(battery) if battery is not None else None
    if checkpoint is not None and chosen is not None:
        return [], chosen
    datasets = _datasets(patterns)
    known = {dataset for dataset in datasets.values() if dataset is not None}
    if chosen is None:
        if len(known) > 1:
            raise InputError(
                f"models of several data sets ({', '.join(sorted(known))}); give --battery"
            )
        if datasets and not known:
            raise InputError(
                f"model {next(iter(datasets))!r} does not say which data set it is for; "
                "give --battery, such as --battery cifar10-linf-v1"
            )
        chosen = battery_for(known.pop() if known else "digits")
    elif known - {chosen.dataset} and not own_data:
        other = next(name for name, each in datasets.items() if each in known - {chosen.dataset})
        raise InputError(
            f"model {shown(other)} is for {datasets[other]}, "
            f"battery {shown(chosen.name)} for {chosen.dataset}"
        )
    return list(datasets) or _bundled(chosen), chosen


def _bundled(battery: Battery) -> list[str]:
    """The models that come with the suite; installed and downloaded ones have to be named."""
    from models_zoo import list_models, load_card

    names = list_models(f"{battery.dataset}/*")
    bundled = [name for name in names if load_card(name).source == "bundled"]
    if left := [name for name in names if name not in bundled]:
        note(f"not scored unless named: {', '.join(left)}")
    if not bundled:
        raise InputError(
            f"no bundled model is for {battery.dataset}; name models, or give --checkpoint"
        )
    return bundled


def _datasets(patterns: list[str]) -> dict[str, str | None]:
    """The data set of every model, by name; ``None`` if unknown."""
    from models_zoo import list_models
    from models_zoo.card import UNKNOWN_DATASET
    from models_zoo.catalog import LISTED_BY
    from models_zoo.errors import unknown_name
    from models_zoo.sources import dataset_of, parse_reference

    names = []
    for pattern in patterns:
        found = list_models(pattern) if parse_reference(pattern) is None else [pattern]
        if not found:
            raise unknown_name("model", pattern, list_models(), LISTED_BY)
        names += found
    datasets = {name: dataset_of(name) for name in names}
    return {name: None if each == UNKNOWN_DATASET else each for name, each in datasets.items()}
