"""The whole battery on one model: where its time goes, and how much memory it takes.

Run ``python -m perf.battery`` from the root of a checkout for the time, compared with AutoAttack
alone in the same process, and ``python -m perf.battery --memory`` for the memory on a large
network. Each writes its section of ``docs/performance.md``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from benchmark.batteries import battery_for, load_battery
from benchmark.budgets import Budget
from models_zoo.errors import InputError
from perf.battery_costs import BatteryRow, measure_battery
from perf.battery_table import render as render_rows
from perf.cases import find_model
from perf.command import (
    PAGE,
    ROOT,
    Device,
    Page,
    RenderOnly,
    RowsFile,
    Shared,
    Threads,
    compute_on,
    console,
    run_command,
    shared_folder,
)
from perf.minimal_battery import copies_left_out, minimal_battery, untrained
from perf.page import write_section
from perf.records import Records

TOOL = "battery"
MODEL = "cifar10-resnet2b-adv"
BUDGETS = ("2/255", "8/255")


def run(
    model: Annotated[
        str, typer.Option(help="Model whose time is measured: of the zoo, or a shared checkpoint.")
    ] = MODEL,
    battery: Annotated[
        str | None, typer.Option(help="Battery; by default that of the model's data set.")
    ] = None,
    budget: Annotated[
        list[str] | None,
        typer.Option(help="Linf budgets of AutoAttack; by default 2/255 and 8/255. 0 skips it."),
    ] = None,
    memory: Annotated[
        bool,
        typer.Option("--memory", help="Measure memory, with minimal effort, on random weights."),
    ] = False,
    architecture: Annotated[
        str, typer.Option(help="With --memory: the network's architecture.")
    ] = "wrn-28-10",
    examples: Annotated[
        int | None,
        typer.Option(min=8, help="Examples; by default all available, and 64 with --memory."),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Images at once; by default 256, and 64 with --memory."),
    ] = None,
    shared: Shared = None,
    threads: Threads = None,
    device: Device = "cpu",
    out: RowsFile = ROOT / "docs/battery.jsonl",
    page: Page = PAGE,
    render: RenderOnly = False,
) -> None:
    """Measure what a battery costs, probe by probe."""
    records = Records(out, BatteryRow)
    if not render:
        compute_on(device, threads)
        folder = shared_folder(shared)
        if memory:
            row = _memory(architecture, battery, examples or 64, batch_size or 64, device)
        else:
            row = _time(
                model, battery, _budgets(budget), examples, batch_size or 256, device, folder
            )
        records.put(row)
        console.print(
            f"{row.conditions.model}: {row.seconds:.1f} s, {row.peak_memory / 1e9:.2f} GB"
        )
    write_section(page, TOOL, render_rows(records.rows))
    console.print(f"{page}: {len(records.rows)} runs")


def _time(
    name: str,
    battery: str | None,
    budgets: list[float],
    examples: int | None,
    batch_size: int,
    device: str,
    shared: Path,
) -> BatteryRow:
    model, data = find_model(name, shared)
    if examples is not None:
        data = data.head(min(examples, len(data)))
    chosen = load_battery(battery) if battery else battery_for(model.card.dataset)
    with console.status(name) as status:
        return measure_battery(
            name,
            model,
            data,
            chosen,
            budgets=budgets,
            device=device,
            batch_size=batch_size,
            progress=lambda text: status.update(f"{name}: {text}"),
        )


def _memory(
    architecture: str, battery: str | None, examples: int, batch_size: int, device: str
) -> BatteryRow:
    whole = load_battery(battery or "cifar10-linf-v1")
    with console.status(architecture) as status:
        model, data = untrained(architecture, examples, batch_size=batch_size)
        row = measure_battery(
            f"{architecture}, random weights",
            model,
            data,
            minimal_battery(whole),
            kind="memory",
            device=device,
            batch_size=batch_size,
            progress=lambda text: status.update(f"{architecture}: {text}"),
        )
    return row.model_copy(update={"copies_left_out": copies_left_out(whole)})


def _budgets(texts: list[str] | None) -> list[float]:
    """Radii above 0 from text.

    Raises:
        InputError: one of them is not a radius.
    """
    radius: TypeAdapter[float] = TypeAdapter(Budget)
    budgets = []
    for text in texts or BUDGETS:
        try:
            budgets.append(radius.validate_python(text))
        except ValidationError as error:
            raise InputError(f"--budget {text!r} is not a radius such as '8/255'") from error
    return [eps for eps in budgets if eps > 0]


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
