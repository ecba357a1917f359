"""``nonsingular plan``: what a run would compute, and how long it would take."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.commands.options import (
    DATABASE,
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
from leaderboard.terminal.output import say

if TYPE_CHECKING:
    from benchmark.planning.schedule import Schedule
    from leaderboard.jobs.planning import ModelPlan

WORKERS = (1, 2, 8, 64)
"""Numbers of workers for which times are predicted by default."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(plan)


def plan(
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
    seed: Seed = 0,
    device: Device = "cpu",
    batch_size: BatchSize = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="As if no score were stored.")] = False,
    workers: Annotated[
        list[int] | None,
        typer.Option(
            min=1, help="Predict the time with N workers; repeatable; by default 1, 2, 8 and 64."
        ),
    ] = None,
    shards: Shards = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Show what 'nonsingular bench' would compute with the same options, and how long it takes.

    Each model is tried for a few seconds: the time of its passes is measured, and how robust it is.
    No score is computed and nothing is stored.
    """
    from benchmark.planning.schedule import schedule
    from leaderboard.jobs.division import in_shards
    from leaderboard.jobs.request import Request, load_request
    from leaderboard.jobs.scoring import plan_models
    from leaderboard.store import Store

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
    missing = "://" not in database and not Path(database).exists()
    store = Store.open(":memory:" if missing else database, to_read=not missing)
    plans = plan_models(
        *(loaded.models, loaded.run, store), sources=loaded.sources, precise=True, divides=True
    )
    divided = {
        count: in_shards(plans, store, workers=count, wanted=shards) for count in workers or WORKERS
    }
    schedules = [
        (schedule([task.unit for each in some for task in each.tasks], count), _shards(some))
        for count, some in divided.items()
    ]
    if as_json:
        say(json.dumps(_content(plans, schedules), indent=1))
        return
    _print_units(plans)
    _print_times(plans, schedules)


def _shards(plans: list[ModelPlan]) -> dict[str, int]:
    """How many shards are left to do of each unit that is divided, by its identity."""
    units = [task.unit for each in plans for task in each.tasks if task.shard is not None]
    return dict(Counter(unit.whole for unit in units))


def _content(
    plans: list[ModelPlan], schedules: list[tuple[Schedule, dict[str, int]]]
) -> dict[str, object]:
    """The plan, for other programs."""
    units: list[dict[str, object]] = []
    for each in plans:
        for task in each.tasks:
            expected = each.expected[task.probe]
            units.append(
                {
                    "identity": task.unit.identity,
                    "model": each.name,
                    "fingerprint": task.fingerprint,
                    "probe": task.probe,
                    "seconds": expected.seconds,
                    "forwards": expected.forwards,
                    "backwards": expected.backwards,
                    "from_similar": expected.from_similar,
                    "left_out": expected.left_out,
                }
            )
    where = plans[0].provenance
    return {
        "battery": where.battery,
        "battery_sha256": where.battery_sha256,
        "data_sha256": where.data_sha256,
        "examples": where.examples,
        "seed": where.seed,
        "device": where.device,
        "units": units,
        "stored": {each.name: list(each.known) for each in plans},
        "seconds": sum(each.seconds for each in plans),
        "workers": [
            {
                "workers": each.workers,
                "seconds": each.seconds,
                "lower_bound": each.lower_bound,
                "shards": shards,
            }
            for each, shards in schedules
        ],
    }


def _print_units(plans: list[ModelPlan]) -> None:
    """One line per model: the estimate of each probe, or that it is stored or left out."""
    from rich.table import Table
    from rich.text import Text

    from leaderboard.terminal.output import print_full_width
    from models_zoo.display import label, printable

    probes = list(dict.fromkeys(p for each in plans for p in [*each.known, *each.expected]))
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column("seconds", no_wrap=True)
    for column in ("total", *probes):
        table.add_column(column, justify="right")
    for each in plans:
        cells = [_cell(each, probe) for probe in probes]
        table.add_row(Text(label(each.name)), f"{each.seconds:,.1f}", *cells)
    print_full_width(table)
    reasons = {
        f"{name}: {found.left_out}"
        for each in plans
        for name, found in each.expected.items()
        if found.left_out is not None
    }
    for reason in sorted(reasons):
        say(printable(f"left out: {reason}"))


def _cell(plan: ModelPlan, probe: str) -> str:
    if probe in plan.known:
        return "stored"
    found = plan.expected.get(probe)
    return "-" if found is None or found.left_out is not None else f"{found.seconds:,.1f}"


def _print_times(plans: list[ModelPlan], schedules: list[tuple[Schedule, dict[str, int]]]) -> None:
    from leaderboard.terminal.model_lines import clock_time
    from models_zoo.display import label

    tasks = [task for each in plans for task in each.tasks]
    stored = sum(len(each.known) for each in plans)
    work = clock_time(sum(each.seconds for each in plans))
    say(f"{len(tasks):,} to compute, {stored:,} stored, {work} of work")
    if not tasks:
        return
    longest = max(tasks, key=lambda task: task.cost.seconds)
    name, seconds = label(longest.name), clock_time(longest.cost.seconds)
    say(f"longest: {longest.probe} of {name}, {seconds}")
    for each, shards in schedules:
        workers = "1 worker" if each.workers == 1 else f"{each.workers:,} workers"
        units = "1 input attack" if len(shards) == 1 else f"{len(shards):,} input attacks"
        parts = f", {units} in {sum(shards.values()):,} shards" if shards else ""
        say(f"{workers}: {clock_time(each.seconds)}{parts}")
