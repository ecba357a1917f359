"""Simulate clusters of up to a thousand workers with the plan of ImageNet on 300 checkpoints.

Run ``python -m perf.cluster_simulation`` from the root of a checkout; it takes seconds and writes
its section of ``docs/scaling.md``. What is simulated: :mod:`perf.simulated_cluster`; the units:
:mod:`perf.imagenet_plan`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from benchmark.planning import Unit
from benchmark.planning.division import TakenOver, divided, is_divisible, shard_counts
from benchmark.planning.schedule import seconds_of
from perf.command import ROOT, Page, console, run_command
from perf.imagenet_plan import (
    EXAMPLES,
    LOAD_SECONDS,
    NETWORKS,
    imagenet_units,
    probe_seconds,
)
from perf.page import line, write_section
from perf.simulated_cluster import HOUR, Cluster, Simulation

TOOL = "cluster_simulation"
SCALING_PAGE = ROOT / "docs/scaling.md"
GPUS = (1, 8, 64, 256, 1000)

Plan = tuple[Sequence[Unit], TakenOver]
"""Units, and what they take over from others."""


def render(plan: Plan, seed: int) -> str:
    """The tables, as Markdown.

    Args:
        plan: units, and what they take over from others.
        seed: of the simulation.
    """
    units, over = plan
    hours = sum(seconds_of(unit) for unit in units) / HOUR
    longest = max(units, key=seconds_of)
    total = (
        f"In total {len(units):,} units and {hours:,.0f} GPU hours; the longest unit is "
        f"`{longest.probe}` of {longest.fingerprint.rpartition(' ')[0]}, "
        f"{seconds_of(longest) / 60:.0f} minutes.\n"
    )
    heading = ["cluster", "bound, h", "planned, h", "simulated, h", "GPUs busy", "model loads"]
    heading += ["deaths", "leases lost", "repeated work", "done twice", "failed units"]
    heading += ["writes/s", "most in 1 s"]
    rows = [line(heading), line(["---"] + ["---:"] * (len(heading) - 1))]
    for gpus in GPUS:
        name = "1 GPU" if gpus == 1 else f"{gpus:,} GPUs"
        rows.append(_row(name, Cluster(workers=gpus), in_shards(plan, gpus), seed))
    most = Cluster(workers=GPUS[-1])
    equal, name = replace(most, slow_tail=1e9), f"{most.workers:,} GPUs"
    alone = [unit for unit in units if unit.probe == "input"], over
    apart = in_shards(alone, most.workers)
    rows += [
        _row(f"{name}, all as fast", equal, in_shards(plan, most.workers), seed),
        _row(f"{name}, ten times the deaths", _deadly(most), in_shards(plan, most.workers), seed),
        _row(f"{name}, `input` alone, not divided", most, alone, seed),
        _row(f"{name}, `input` alone", most, apart, seed),
        _row(f"{name}, `input` alone, not divided, all as fast", equal, alone, seed),
        _row(f"{name}, `input` alone, all as fast", equal, apart, seed),
    ]
    return "\n".join([_networks(), total, *rows, ""])


def in_shards(plan: Plan, workers: int) -> Plan:
    """The plan with the units divided that the planner divides for a number of workers."""
    units, over = plan
    divisible = {unit.identity: EXAMPLES for unit in units if is_divisible(unit.probe)}
    counts = shard_counts(units, workers, divisible, over)
    # What is taken over is part of the simulation, as it depends on which worker took what.
    return divided(units, counts), over


def _deadly(cluster: Cluster) -> Cluster:
    return replace(cluster, worker_life=cluster.worker_life / 10, node_life=cluster.node_life / 10)


def _networks() -> str:
    names = list(probe_seconds(NETWORKS[0], EXAMPLES))
    rows = [line(["network", "share", "images/s", *names, "battery, h"])]
    rows.append(line(["---"] + ["---:"] * (len(names) + 3)))
    for network in NETWORKS:
        seconds = probe_seconds(network, EXAMPLES)
        cells = [network.name, f"{network.share:.0%}", f"{network.rate:,.0f}"]
        cells += [f"{each / 60:,.1f}" for each in seconds.values()]
        rows.append(line([*cells, f"{sum(seconds.values()) / HOUR:.1f}"]))
    return "\n".join([*rows, ""])


def _row(name: str, cluster: Cluster, plan: Plan, seed: int) -> str:
    units, over = plan
    loading = {unit.fingerprint: LOAD_SECONDS for unit in units}
    found = Simulation(units, cluster, loading, seed, over).run()
    cells = [name, *(f"{t / HOUR:,.1f}" for t in (found.bound, found.undisturbed, found.seconds))]
    cells += [f"{found.busy:.0%}", f"{found.loads:,}", f"{found.deaths:,}"]
    cells += [f"{found.lost_leases:,}", f"{found.repeated / found.work:.1%}"]
    cells += [f"{found.unshared / found.work:.1%}"]
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
