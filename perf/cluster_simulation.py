"""Simulate clusters of up to a thousand workers with the plan of ImageNet on 300 checkpoints.

Run ``python -m perf.cluster_simulation`` from the root of a checkout; it takes seconds and writes
its section of ``docs/scaling.md``. What is simulated: :mod:`perf.simulated_cluster`; the units:
:mod:`perf.imagenet_plan`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from benchmark.planning import Unit
from benchmark.planning.schedule import seconds_of
from perf.command import ROOT, Page, console, run_command
from perf.imagenet_plan import LOAD_SECONDS, NETWORKS, imagenet_units, probe_seconds
from perf.page import line, write_section
from perf.simulated_cluster import HOUR, Cluster, Simulation

TOOL = "cluster_simulation"
SCALING_PAGE = ROOT / "docs/scaling.md"
GPUS = (1, 8, 64, 256, 1000)
SHARD_SECONDS = 600.0
"""Longest part into which the units of the input probe are split in one row."""


def render(units: Sequence[Unit], seed: int) -> str:
    """The tables, as Markdown.

    Args:
        units: of the plan.
        seed: of the simulation.
    """
    hours = sum(seconds_of(unit) for unit in units) / HOUR
    longest = max(units, key=seconds_of)
    total = (
        f"In total {len(units):,} units and {hours:,.0f} GPU hours; the longest unit is "
        f"`{longest.probe}` of {longest.fingerprint.rpartition(' ')[0]}, "
        f"{seconds_of(longest) / 60:.0f} minutes.\n"
    )
    heading = ["cluster", "bound, h", "planned, h", "simulated, h", "GPUs busy", "model loads"]
    heading += ["deaths", "leases lost", "repeated work", "failed units", "writes/s", "most in 1 s"]
    rows = [line(heading), line(["---"] + ["---:"] * (len(heading) - 1))]
    for gpus in GPUS:
        name = "1 GPU" if gpus == 1 else f"{gpus:,} GPUs"
        rows.append(_row(name, Cluster(workers=gpus), units, seed))
    most = Cluster(workers=GPUS[-1])
    name = f"{most.workers:,} GPUs"
    rows += [
        _row(f"{name}, all as fast", replace(most, slow_tail=1e9), units, seed),
        _row(f"{name}, `input` in shards", most, sharded(units, SHARD_SECONDS), seed),
        _row(
            f"{name}, shards, all as fast",
            replace(most, slow_tail=1e9),
            sharded(units, SHARD_SECONDS),
            seed,
        ),
        _row(f"{name}, ten times the deaths", _deadly(most), units, seed),
    ]
    return "\n".join([_networks(), total, *rows, ""])


def sharded(units: Sequence[Unit], longest: float) -> list[Unit]:
    """The units with those of the input probe in parts, as no executor does it yet.

    Its outcomes do not depend on which other examples are evaluated with an example.

    Args:
        units: of the plan.
        longest: seconds that a part may take.
    """
    found = []
    for unit in units:
        count = math.ceil(seconds_of(unit) / longest) if unit.probe == "input" else 1
        found += [
            replace(unit, probe=f"{unit.probe} {part}", seconds=seconds_of(unit) / count)
            for part in range(count)
        ]
    return found


def _deadly(cluster: Cluster) -> Cluster:
    return replace(cluster, worker_life=cluster.worker_life / 10, node_life=cluster.node_life / 10)


def _networks() -> str:
    names = list(probe_seconds(NETWORKS[0], 5000))
    rows = [line(["network", "share", "images/s", *names, "battery, h"])]
    rows.append(line(["---"] + ["---:"] * (len(names) + 3)))
    for network in NETWORKS:
        seconds = probe_seconds(network, 5000)
        cells = [network.name, f"{network.share:.0%}", f"{network.rate:,.0f}"]
        cells += [f"{each / 60:,.1f}" for each in seconds.values()]
        rows.append(line([*cells, f"{sum(seconds.values()) / HOUR:.1f}"]))
    return "\n".join([*rows, ""])


def _row(name: str, cluster: Cluster, units: Sequence[Unit], seed: int) -> str:
    loading = {unit.fingerprint: LOAD_SECONDS for unit in units}
    found = Simulation(units, cluster, loading, seed).run()
    cells = [name, *(f"{t / HOUR:,.1f}" for t in (found.bound, found.undisturbed, found.seconds))]
    cells += [f"{found.busy:.0%}", f"{found.loads:,}", f"{found.deaths:,}"]
    cells += [f"{found.lost_leases:,}", f"{found.repeated / found.work:.1%}"]
    cells += [f"{len(found.failed):,}", f"{found.writes.mean():.1f}", f"{found.writes.max():,}"]
    return line(cells)


def run(
    page: Page = SCALING_PAGE,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 0,
) -> None:
    """Simulate the plan of ImageNet on clusters of several sizes."""
    text = render(imagenet_units(), seed)
    console.print(text, markup=False)
    write_section(page, TOOL, text)


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
