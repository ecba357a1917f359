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
    repeats: Annotated[int, typer.Option(min=1, help="Runs of each; the fastest counts.")] = 2,
    page: Page = ROOT / "docs/scaling.md",
) -> None:
    """Measure the overhead of jobs and the gain of a second worker, and write the section."""
    torch.set_num_threads(1)
    names = repeatable_models("digits/*")
    with tempfile.TemporaryDirectory(prefix="e", dir="/tmp") as name:
        folder = Path(name)
        plain, jobs = _plain_and_jobs(names, examples, repeats, folder)
        console.print(f"evaluate: {plain:.1f} s, with jobs: {jobs:.1f} s")
        some = repeatable_models(EIGHT)[:8]
        with RayNodes(folder / "ray") as nodes:
            one, two = (
                _on_ray(some, examples, folder / f"r{count}.sqlite", nodes.address, count)
                for count in (1, 2)
            )
        console.print(f"Ray, one worker {one:.1f} s, two {two:.1f} s")
    write_section(page, TOOL, _section(len(names), len(some), examples, plain, jobs, one, two))


def _plain_and_jobs(
    names: list[str], examples: int, repeats: int, folder: Path
) -> tuple[float, float]:
    """Processor seconds of the library's own loop, and of the same as jobs of a database.

    The speed of a machine drifts by more than jobs cost. Each model is therefore evaluated both
    ways in turn, the other one first every second time, and its fastest time of each counts.
    """
    data, battery = load_dataset("digits").head(examples), load_battery(BATTERY)
    run, where = Run(battery, data, battery.select(None)), Where(workers=1)

    def plain(name: str, _: int) -> None:
        evaluate(load_model(name), data.images, data.labels, battery)

    def jobs(name: str, number: int) -> None:
        score_models([load_model(name)], run, Store.open(folder / f"j{number}.sqlite"), where=where)

    seconds: dict[str, list[float]] = {"plain": [], "jobs": []}
    for name in names:
        times: dict[str, list[float]] = {"plain": [], "jobs": []}
        for number in range(repeats):
            both = [("plain", plain), ("jobs", jobs)]
            for which, score in both if number % 2 == 0 else reversed(both):
                start = time.process_time()
                score(name, number)
                times[which].append(time.process_time() - start)
        for which, each in times.items():
            seconds[which].append(min(each))
        console.print(f"{name}: {seconds['plain'][-1]:.1f} s, as jobs {seconds['jobs'][-1]:.1f} s")
    return sum(seconds["plain"]), sum(seconds["jobs"])


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
        "The first two rows are measured model by model, both ways in turn: the fastest of each, "
        "summed up. The last two rows are the whole command, with its start and that of the "
        "workers. `python -m perf.executors` repeats them.\n"
    )


if __name__ == "__main__":
    run_command(run)
