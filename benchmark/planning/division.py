"""Which units are divided into shards of examples, and into how many.

A unit that takes a large share of what each worker has to do decides when the run ends: one worker,
perhaps a slow one, is busy with it when the others have nothing left. A shard costs the loading of
a model on one more worker, and other probes do what they would have taken over from the whole unit:
the joint attack repeats most of the input attack.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from benchmark.checks import batch_dependence, random_outputs
from benchmark.planning.schedule import schedule, seconds_of
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

MIN_GAIN = 0.1
"""Units are divided if the run is expected to end earlier by at least this share."""

LONG_SECONDS = 1800.0
"""A unit is divided if it takes longer than that, where the number of workers is not known, into
shards of at most half of it, if no other unit takes work over from it."""

TakenOver = Mapping[str, Mapping[str, float]]
"""Seconds that units take longer where another probe of the same model is run by other workers, by
their identity and the name of that probe."""

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
    units: Iterable[Unit],
    workers: int | None,
    examples: Mapping[str, int],
    taken_over: TakenOver | None = None,
) -> dict[str, int]:
    """Into how many shards each unit is best divided.

    Args:
        units: of a run, with known seconds.
        workers: how many work on it; ``None`` if that is not known.
        examples: number of examples of those that can be divided, by their identity.
        taken_over: what units take over from others.

    Returns:
        The number of shards by identity, of those that have several.
    """
    each, over = list(units), taken_over or {}
    if workers is None:
        giving = {(unit.fingerprint, name) for unit in each for name in over.get(unit.identity, {})}
        alone = [unit for unit in each if (unit.fingerprint, unit.probe) not in giving]
        return _counts(alone, examples, LONG_SECONDS, LONG_SECONDS / 2)
    share = sum(map(seconds_of, each)) / workers
    counts = _counts(each, examples, LONG_SHARE * share, SHARD_SHARE * share)
    if workers == 1 or not counts:
        return {}
    before = schedule(each, workers).seconds
    after = schedule(divided(each, counts, over), workers).seconds
    return counts if after <= (1 - MIN_GAIN) * before else {}


def _counts(
    units: Iterable[Unit], examples: Mapping[str, int], longest: float, most: float
) -> dict[str, int]:
    """Numbers of shards of at most so many seconds, of the units that take longer than others."""
    found = {}
    for unit in units:
        seconds = seconds_of(unit)
        if seconds > longest and math.isfinite(seconds):
            count = min(
                math.ceil(seconds / max(most, MIN_SHARD_SECONDS)),
                int(seconds // MIN_SHARD_SECONDS),
                examples.get(unit.identity, 0) // MIN_SHARD_EXAMPLES,
            )
            if count > 1:
                found[unit.identity] = count
    return found


def divided(
    units: Sequence[Unit], counts: Mapping[str, int], taken_over: TakenOver | None = None
) -> list[Unit]:
    """Units with some of them in shards, and others longer that would have taken work over.

    Args:
        units: of a run; some may be shards already.
        counts: numbers of shards by identity, as :func:`shard_counts` returns them.
        taken_over: what units take over from others.
    """
    over = taken_over or {}
    apart = {
        (unit.fingerprint, unit.probe)
        for unit in units
        if unit.shard is not None or counts.get(unit.identity, 1) > 1
    }
    found = []
    for unit in units:
        further = sum(
            seconds
            for name, seconds in over.get(unit.identity, {}).items()
            if (unit.fingerprint, name) in apart
        )
        longer = replace(unit, seconds=seconds_of(unit) + further) if further else unit
        found += longer.shards(counts.get(unit.identity, 1))
    return found
