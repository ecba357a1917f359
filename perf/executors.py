"""What the jobs table costs, and what a second Ray worker saves.

Run ``python -m perf.executors`` from the root of a checkout on a quiet machine; it writes its
section of ``docs/scaling.md``. Every worker computes with one thread.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmark import load_battery, load_dataset
from benchmark.provenance import versions
from leaderboard.jobs.executors import cores
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import Where, score_models
from leaderboard.store import Store
from models_zoo import load_model
from perf.cases import repeatable_models
from perf.command import ROOT, Page, console, run_command
from perf.local_servers import RayNodes
from perf.page import write_section

TOOL = "executors"
BATTERY = "digits-v1"
EIGHT = "digits/mlp-*"


def run(
    examples: Annotated[int, typer.Option(min=8, help="Number of images.")] = 60,
    page: Page = ROOT / "docs/scaling.md",
) -> None:
    """Measure the overhead of jobs and the gain of a second worker, and write the section."""
    torch.set_num_threads(1)
    names = repeatable_models("digits/*")
    with tempfile.TemporaryDirectory(prefix="e", dir="/tmp") as name:
        folder = Path(name)
        whole, probes = _as_jobs(names, examples, folder / "jobs.sqlite")
        console.print(f"as jobs: {whole:.1f} s, of which probes: {probes:.1f} s")
        some = repeatable_models(EIGHT)[:8]
        with RayNodes(folder / "ray") as nodes:
            one, two = (
                _on_ray(some, examples, folder / f"r{count}.sqlite", nodes.address, count)
                for count in (1, 2)
            )
        console.print(f"Ray, one worker {one:.1f} s, two {two:.1f} s")
    write_section(page, TOOL, _section(len(names), len(some), examples, whole, probes, one, two))


def _as_jobs(names: list[str], examples: int, path: Path) -> tuple[float, float]:
    """Seconds of the jobs of some models in this process, and of the probes among them.

    What lies between is planning, storage, scheduling and watching. It is measured in one run,
    since the speed of a machine drifts by more than that from one run to the next.
    """
    data, battery = load_dataset("digits").head(examples), load_battery(BATTERY)
    models = [load_model(name) for name in names]
    run = Run(battery, data, battery.select(None))
    start = time.perf_counter()
    reports = score_models(models, run, Store.open(path), where=Where(workers=1))
    whole = time.perf_counter() - start
    costs = [result.cost for report in reports for result in report.results.values()]
    return whole, sum(cost.seconds for cost in costs if cost is not None)


def _on_ray(names: list[str], examples: int, path: Path, address: str, workers: int) -> float:
    """Seconds of the whole command, from its start to its end."""
    line = [
        *(sys.executable, "-m", "leaderboard.cli", "bench", *names, "--battery", BATTERY),
        *("--examples", str(examples), "--no-site", "--database", str(path)),
        *("--executor", "ray", "--address", address, "--workers", str(workers)),
    ]
    start = time.perf_counter()
    subprocess.run(line, check=True, capture_output=True, env=os.environ)  # noqa: S603
    return time.perf_counter() - start


def _section(
    models: int, some: int, examples: int, whole: float, probes: float, one: float, two: float
) -> str:
    known = versions()
    return (
        f"{models} models of the digits zoo, `{BATTERY}`, the first {examples} images, one thread "
        f"per worker ({cores()} cores of an {platform.processor() or platform.machine()} machine, "
        f"Python {known['python']}, PyTorch {known['torch']}):\n\n"
        "| | seconds | |\n|---|---:|---:|\n"
        f"| jobs in one process: planned, computed, stored and watched | {whole:.1f} | |\n"
        f"| of which outside the probes | {whole - probes:.1f} | {1 - probes / whole:.1%} of it |\n"
        f"| `nonsingular bench --executor ray`, {some} models, one worker | {one:.1f} | |\n"
        f"| the same with two workers on two nodes | {two:.1f} | {two / one:.2f} of it |\n\n"
        "The last two rows are the whole command, with its start and that of the workers. "
        "`python -m perf.executors` repeats them.\n"
    )


if __name__ == "__main__":
    run_command(run)
