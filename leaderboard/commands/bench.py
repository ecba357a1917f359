"""``nonsingular bench``: score models and render the leaderboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.command_line import is_typed
from leaderboard.commands.options import (
    DATABASE,
    OUT,
    Architecture,
    BatchSize,
    BatteryToRun,
    Checkpoint,
    Data,
    Database,
    DataRoot,
    Device,
    Examples,
    Mean,
    Models,
    Out,
    OwnData,
    ProbesToRun,
    Seed,
    Shards,
    Split,
    Std,
    Trust,
    Weights,
    chosen_device,
    numbers,
)
from leaderboard.output_paths import require_file_place
from leaderboard.terminal.output import detail, say
from models_zoo.errors import InputError, unknown_name

EXECUTORS = ("local", "ray", "queue")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    models: Models = None,
    battery: BatteryToRun = None,
    probe: ProbesToRun = None,
    examples: Examples = None,
    data: Data = None,
    own_data: OwnData = False,
    data_root: DataRoot = None,
    split: Split = "test",
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
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            "--jobs",
            min=1,
            help="Worker processes that share the CPU cores; by default one per model and core.",
        ),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads per worker; by default a fair share, 1 with Ray."),
    ] = None,
    executor: Annotated[
        str,
        typer.Option(
            help="'local' for processes on this machine, 'ray' for a Ray cluster, 'queue' to only "
            "add the jobs, for 'nonsingular worker' (docs/scaling.md)."
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster, such as 10.0.0.1:6379 or 'auto'; by default Ray is started "
            "on this machine."
        ),
    ] = None,
    shards: Shards = None,
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
    from leaderboard.jobs.request import Request, load_request
    from leaderboard.jobs.run import require_scorable
    from leaderboard.jobs.scoring import UnitsFailedError, Where, add_jobs, score_models
    from leaderboard.store import Store
    from leaderboard.store.addresses import without_password
    from models_zoo.checkpoint.writing import write_bytes

    if executor not in EXECUTORS:
        raise unknown_name("executor", executor, EXECUTORS)
    if address is not None and executor != "ray":
        raise InputError("--address goes with --executor ray")
    if executor == "queue":
        _require_no_results(render=render)
    require_file_place(json_file, "--json")
    if render and executor != "queue":
        from leaderboard.pages.publish import require_site_place

        require_site_place(out)
    loaded = load_request(
        Request(
            models=tuple(models or ()),
            battery=battery,
            probes=tuple(probe or ()),
            examples=examples,
            data=data,
            data_root=data_root,
            own_data=own_data,
            split=split,
            checkpoint=checkpoint,
            architecture=architecture,
            mean=numbers("--mean", mean),
            std=numbers("--std", std),
            weights=weights,
            trust=trust,
            seed=seed,
            device=chosen_device(device),
            batch_size=batch_size,
            fresh=fresh,
        )
    )
    run = loaded.run
    chosen, examples_of = run.battery, run.data
    detail(f"battery {chosen.name}, SHA-256 {chosen.sha256}: {', '.join(run.probes)}")
    detail(f"data {chosen.dataset}, {len(examples_of)} examples, SHA-256 {examples_of.sha256}")
    detail(f"seed {seed}, device {run.device}, database {without_password(database)}")
    require_scorable(loaded.models, run)
    store = Store.open(database)
    if executor == "queue":
        added = add_jobs(loaded.models, run, store, loaded.sources, shards=shards)
        say(f"{added:,} {'job waits' if added == 1 else 'jobs wait'}: run nonsingular worker")
        return
    failed: UnitsFailedError | None = None
    names = [model.card.name for model in loaded.models]
    try:
        reports = score_models(
            loaded.models,
            run,
            store,
            sources=loaded.sources,
            where=Where(
                "ray" if executor == "ray" else "local",
                workers=workers,
                threads=threads,
                address=address,
                shards=shards,
            ),
            not_needed=loaded.models.clear,
        )
    except UnitsFailedError as error:
        failed, reports = error, error.reports
    print_scores(names, reports, chosen)
    print_costs(names, reports)
    if json_file is not None:
        content = {name: report.to_json() for name, report in zip(names, reports, strict=True)}
        write_bytes(json_file, json.dumps(content, allow_nan=False, indent=1).encode())
    if render:
        from leaderboard.pages import render_site

        say(f"leaderboard: {render_site(store, out).resolve().as_uri()}")
    if failed is not None:
        raise failed


def _require_no_results(*, render: bool) -> None:
    """Refuse options about workers and results where the command only adds jobs.

    Raises:
        InputError: one was typed.
    """
    typed = [f"--{name}" for name in ("workers", "threads") if is_typed(name)]
    typed += ["--json"] if is_typed("json_file") else []
    typed += ["--site"] if render and is_typed("render") else []
    if typed:
        raise InputError(
            f"{', '.join(typed)} cannot be used with --executor queue, which only adds jobs: "
            "nonsingular worker has --threads and --workers, and nonsingular site renders the "
            "leaderboard"
        )
