"""Dividing the units of a run into shards of examples, where that makes it shorter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from benchmark.planning.division import is_divisible, shard_counts
from benchmark.shards import Shard
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.planning import ModelPlan
from leaderboard.store import Store
from leaderboard.store.jobs import Jobs


def in_shards(
    plans: Sequence[ModelPlan], store: Store, *, workers: int | None, wanted: int | None = None
) -> list[ModelPlan]:
    """The plans with some of their units divided.

    A unit of which shards are stored is divided as they are, and one that waits or runs as it is
    there: another number of shards would repeat their work.

    Args:
        plans: of all models.
        store: where shards are looked up, and jobs.
        workers: how many work on the run; ``None`` if that is not known.
        wanted: the number of shards, as a user asked for it; by default as many as make the run
            shorter, see :func:`benchmark.planning.division.shard_counts`.
    """
    divisible = {
        task.unit.identity: plan
        for plan in plans
        for task in plan.tasks
        if is_divisible(task.probe) and plan.expected[task.probe].left_out is None
    }
    if not divisible:
        return list(plans)
    examples = {
        identity: plan.provenance.examples for identity, plan in divisible.items() if plan.separable
    }
    if wanted is None:
        units = [task.unit for plan in plans for task in plan.tasks]
        over = {
            task.unit.identity: plan.expected[task.probe].taken_over
            for plan in plans
            for task in plan.tasks
        }
        counts = shard_counts(units, workers, examples, over)
    else:
        counts = {identity: min(wanted, number) for identity, number in examples.items()}
    waiting = open_counts(Jobs(store.engine).open_keys())

    def parts(task: Assignment) -> list[Assignment]:
        if task.unit.identity not in divisible:
            return [task]
        return _left(task, store, counts, waiting)

    return [
        replace(plan, tasks=[part for task in plan.tasks for part in parts(task)]) for plan in plans
    ]


def open_counts(keys: Collection[str]) -> dict[str, int]:
    """Into how many shards units are divided that wait or run, by their identity.

    Args:
        keys: of jobs, see :attr:`benchmark.planning.Unit.identity`.
    """
    counts = {}
    for key in keys:
        whole, _, shard = key.partition(".")
        count = shard.partition("/")[2]
        counts[whole] = int(count) if count.isdecimal() else 1
    return counts


def _left(
    task: Assignment, store: Store, counts: Mapping[str, int], waiting: Mapping[str, int]
) -> list[Assignment]:
    """The shards of a unit that are left to do."""
    whole = task.unit.whole
    stored: list[Shard] = [] if task.fresh else store.shards(*task.unit.key)
    begun = Counter(each.count for each in stored).most_common(1)
    count = waiting.get(whole) or (begun[0][0] if begun else counts.get(whole, 1))
    return [each for each in task.shards(count) if each.shard not in stored]
