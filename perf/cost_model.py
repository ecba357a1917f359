"""Check the cost model: what it predicts a battery to take on a model, and what it takes.

Run ``python -m perf.cost_model`` from the root of a checkout. Every model of
:mod:`perf.cost_model_cases` is scored with its battery on one thread, after a prediction that knows
nothing of it. Time is that of the processor, corrected for other programs
(:mod:`perf.quiet_clock`). Each row is stored at once, and the table of ``docs/scaling.md`` is
written from the rows; ``--only`` measures some models, ``--fitted`` also those that the constants
of the probes were chosen on.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median
from typing import Annotated

import torch
import typer

from models_zoo.errors import InputError
from perf.cases import whole_models
from perf.command import (
    ROOT,
    Page,
    RenderOnly,
    RowsFile,
    Shared,
    console,
    matches,
    run_command,
    shared_folder,
)
from perf.cost_model_cases import FITTED, HELD_OUT
from perf.cost_model_rows import CostRow, measure_costs
from perf.page import line, write_section
from perf.records import Records

TOOL = "cost_model"


def run(
    shared: Shared = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only models that match, such as 'digits/*'.")
    ] = None,
    fitted: Annotated[bool, typer.Option("--fitted", help="Also the models of the fit.")] = False,
    out: RowsFile = ROOT / "docs/cost_model.jsonl",
    page: Page = ROOT / "docs/scaling.md",
    render: RenderOnly = False,
) -> None:
    """Compare predicted and measured times of batteries."""
    torch.set_num_threads(1)
    records = Records(out, CostRow)
    if not render:
        chosen = HELD_OUT | (FITTED if fitted else {})
        chosen = {name: count for name, count in chosen.items() if matches(name, only)}
        cases = {case.model: case for case in whole_models(shared_folder(shared))}
        if missing := sorted(set(chosen) - set(cases)):
            raise InputError(f"not available here: {', '.join(missing)}; give --shared")
        for name, count in chosen.items():
            row = measure_costs(cases[name], count)
            records.put(row)
            console.print(
                f"{name}: predicted {row.predicted:.1f} s in {row.planning:.1f} s, "
                f"took {row.seconds:.1f} s ({row.error:+.0%})"
            )
    write_section(page, TOOL, render_rows(records.rows))


def render_rows(rows: Sequence[CostRow]) -> str:
    """The tables, as Markdown.

    Args:
        rows: what was measured.
    """
    by_model = {row.conditions.model: row for row in rows}
    held_out = [by_model[name] for name in HELD_OUT if name in by_model]
    fitted = [by_model[name] for name in FITTED if name in by_model]
    parts = [_models("held out", held_out)]
    if fitted:
        parts.append(_models("fitted on", fitted))
    return "\n".join([*parts, _probes(held_out)])


def _models(title: str, rows: Sequence[CostRow]) -> str:
    heading = ["model", "examples", "parameters", "planning, s", "predicted, s", "measured, s"]
    lines = [line([*heading, "error", "passes expected / passed"])]
    lines.append(line(["---"] + ["---:"] * 7))
    for row in rows:
        conditions = row.conditions
        passes = sum(probe.passes for probe in row.probes)
        expected = sum(probe.expected for probe in row.probes)
        cells = [conditions.model, f"{conditions.examples}", f"{row.parameters:,}"]
        cells += [f"{row.planning:.1f}", f"{row.predicted:.1f}", f"{row.seconds:.1f}"]
        lines.append(line([*cells, f"{row.error:+.0%}", f"{expected / passes:.2f}"]))
    errors = [abs(row.error) for row in rows]
    summary = f"Mean absolute error {mean(errors):.0%}, largest {max(errors):.0%}."
    return f"**Models {title}:** {len(rows)}. {summary}\n\n" + "\n".join(lines) + "\n"


def _probes(rows: Sequence[CostRow]) -> str:
    """Errors per probe."""
    lines = [line(["probe", "share of the time", "median error", "largest error"])]
    lines.append(line(["---", "---:", "---:", "---:"]))
    total = sum(row.seconds for row in rows)
    by_probe: dict[str, list[tuple[float, float]]] = {}
    for each in (probe for row in rows for probe in row.probes):
        by_probe.setdefault(each.probe, []).append((each.predicted, each.seconds))
    for name, times in by_probe.items():
        errors = [predicted / seconds - 1 for predicted, seconds in times if seconds > 0]
        share = sum(seconds for _, seconds in times) / total
        cells = [f"{share:.1%}", f"{median(errors):+.0%}", f"{max(errors, key=abs):+.0%}"]
        lines.append(line([name, *cells]))
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
