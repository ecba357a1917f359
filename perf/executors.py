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
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmark import evaluate, load_battery, load_dataset
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
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each; the fastest counts.")] = 1,
    page: Page = ROOT / "docs/scaling.md",
) -> None:
    """Measure the overhead of jobs and the gain of a second worker, and write the section."""
    torch.set_num_threads(1)
    names = repeatable_models("digits/*")
    with tempfile.TemporaryDirectory(prefix="e", dir="/tmp") as name:
        folder = Path(name)
        plain = _fastest(repeats, lambda _: _evaluated(names, examples))
        console.print(f"evaluate: {plain:.1f} s")
        jobs = _fastest(repeats, lambda i: _scored(names, examples, folder / f"j{i}.sqlite"))
        console.print(f"with jobs: {jobs:.1f} s")
        some = repeatable_models(EIGHT)[:8]
        with RayNodes(folder / "ray") as nodes:
            one, two = (
                _fastest(repeats, partial(_on_ray, some, examples, folder, nodes.address, count))
                for count in (1, 2)
            )
        console.print(f"Ray, one worker {one:.1f} s, two {two:.1f} s")
    write_section(page, TOOL, _section(len(names), len(some), examples, plain, jobs, one, two))


def _fastest(repeats: int, measure: Callable[[int], float]) -> float:
    return min(measure(number) for number in range(repeats))


def _evaluated(names: list[str], examples: int) -> float:
    """Processor seconds of the library's own loop: no database, no jobs."""
    data, models = load_dataset("digits").head(examples), [load_model(name) for name in names]
    start = time.process_time()
    for model in models:
        evaluate(model, data.images, data.labels, BATTERY)
    return time.process_time() - start


def _scored(names: list[str], examples: int, path: Path) -> float:
    """Processor seconds of the same as jobs of a new database, with every result stored."""
    data, models = load_dataset("digits").head(examples), [load_model(name) for name in names]
    battery = load_battery(BATTERY)
    start = time.process_time()
    score_models(
        models, Run(battery, data, battery.select(None)), Store.open(path), where=Where(workers=1)
    )
    return time.process_time() - start


def _on_ray(
    names: list[str], examples: int, folder: Path, address: str, workers: int, number: int
) -> float:
    """Seconds of the whole command, from its start to its end."""
    path = folder / f"r{workers}-{number}.sqlite"
    line = [
        *(sys.executable, "-m", "leaderboard.cli", "bench", *names, "--battery", BATTERY),
        *("--examples", str(examples), "--no-site", "--database", str(path)),
        *("--executor", "ray", "--address", address, "--workers", str(workers)),
    ]
    start = time.perf_counter()
    subprocess.run(line, check=True, capture_output=True, env=os.environ)  # noqa: S603
    return time.perf_counter() - start


def _section(
    models: int, some: int, examples: int, plain: float, jobs: float, one: float, two: float
) -> str:
    known = versions()
    return (
        f"{models} models of the digits zoo, `{BATTERY}`, the first {examples} images, one thread "
        f"per worker ({cores()} cores of an {platform.processor() or platform.machine()} machine, "
        f"Python {known['python']}, PyTorch {known['torch']}):\n\n"
        "| | seconds | |\n|---|---:|---:|\n"
        f"| `evaluate` in a loop: no database, no jobs (processor time) | {plain:.1f} | |\n"
        f"| the same as jobs, planned, stored and watched (processor time) | {jobs:.1f} | "
        f"{jobs / plain - 1:+.1%} |\n"
        f"| `nonsingular bench --executor ray`, {some} models, one worker | {one:.1f} | |\n"
        f"| the same with two workers on two nodes | {two:.1f} | {two / one:.2f} of it |\n\n"
        "The last two rows are the whole command, with its start and that of the workers. "
        "`python -m perf.executors` repeats them.\n"
    )


if __name__ == "__main__":
    run_command(run)
