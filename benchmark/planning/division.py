"""Which units are divided into shards of examples, and into how many.

A unit that takes a large share of what each worker has to do decides when the run ends: one worker,
perhaps a slow one, is busy with it when the others have nothing left. A shard costs the loading of
a model on one more worker, and what probes would have shared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from benchmark.checks import batch_dependence, random_outputs
from benchmark.planning.schedule import seconds_of
from benchmark.planning.unit import Unit
from benchmark.probes import PROBES
from benchmark.probes.divisible import Divisible
from benchmark.subject import Subject

LONG_SHARE = 0.5
"""A unit is divided if it takes more than this share of the work of one worker. Less would let a
worker that is half as fast as the others decide when the run ends."""

SHARD_SHARE = 0.25
"""Longest shard, as a share of the work of one worker."""

MIN_SHARD_SECONDS = 60.0
"""Shortest expected time of a shard. To load a model takes seconds, on ImageNet a minute."""

MIN_SHARD_EXAMPLES = 50
"""Least examples of a shard: the expensive searches run on the few that are close to a budget, and
then in small batches, whose time hardly depends on their size."""

LONG_SECONDS = 1800.0
"""A unit is divided if it takes longer than that, where the number of workers is not known, into
shards of at most half of it."""

TRIED = 16
"""Number of examples on which :func:`separable` tries a model."""


def is_divisible(probe: str) -> bool:
    """Whether a probe can be divided into shards, by its name."""
    return issubclass(PROBES[probe], Divisible)


def separable(subject: Subject) -> bool:
    """Whether a model's logits for an image are always the same.

    They are not if the model draws random numbers, or if the images in a batch influence each
    other: the outcomes of such a model depend on which examples are evaluated together.
    """
    some = subject.head(TRIED)
    return not (random_outputs(some).raised or batch_dependence(some).raised)


def shard_counts(
    units: Iterable[Unit], workers: int | None, examples: Mapping[str, int]
) -> dict[str, int]:
    """Into how many shards each unit is best divided.

    Args:
        units: of a run, with known seconds.
        workers: how many work on it; ``None`` if that is not known.
        examples: number of examples of those that can be divided, by their identity.

    Returns:
        The number of shards by identity, of those that have several.
    """
    each = list(units)
    share = None if workers is None else sum(map(seconds_of, each)) / workers
    longest, most = (
        (LONG_SECONDS, LONG_SECONDS / 2)
        if share is None
        else (LONG_SHARE * share, SHARD_SHARE * share)
    )
    if workers == 1:
        return {}
    found = {}
    for unit in each:
        seconds, available = seconds_of(unit), examples.get(unit.identity, 0)
        if not available or seconds <= longest:
            continue
        wanted = math.ceil(seconds / max(most, MIN_SHARD_SECONDS))
        count = min(wanted, int(seconds // MIN_SHARD_SECONDS), available // MIN_SHARD_EXAMPLES)
        if count > 1:
            found[unit.identity] = count
    return found


def divided(units: Sequence[Unit], counts: Mapping[str, int]) -> list[Unit]:
    """Units with some of them in shards.

    Args:
        units: of a run.
        counts: numbers of shards by identity, as :func:`shard_counts` returns them.
    """
    return [shard for unit in units for shard in unit.shards(counts.get(unit.identity, 1))]
