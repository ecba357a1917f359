"""Whether a result of an earlier version of a battery holds for a later one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmark.batteries.battery import Battery
from benchmark.batteries.stored import stored_probes
from benchmark.probes import PROBES


def is_unchanged(
    probe: str, battery: Battery, content: Mapping[str, Any], algorithms: Mapping[str, int]
) -> bool:
    """Whether a probe computes the same in a battery as it did in a stored one.

    Every random draw depends on the seed and the probe alone, and a probe is given no settings but
    its own and those that it :attr:`reads <benchmark.probes.Probe.reads>`. If they are the same, so
    are its results for the same model, examples and seed.

    Args:
        probe: its name.
        battery: the battery.
        content: of the stored one, as JSON.
        algorithms: versions of that one's algorithms that are above 1, by the probe's name.

    Returns:
        Whether name and data set are the same, and settings and algorithm of the probe and of those
        that it reads. Where one of these is missing, it has to be missing in both.
    """
    tables = content.get("probes")
    same = (content.get("name"), content.get("dataset")) == (battery.name, battery.dataset)
    if not same or not isinstance(tables, Mapping) or probe not in battery.probes:
        return False
    # Settings that are new since have the value by which nothing changes.
    then = stored_probes(content)
    own, reads = battery.probes, (probe, *PROBES[probe].reads)
    if any((name in tables) != (name in own) for name in reads):
        return False
    return all(
        name in then
        and then[name].settings == own[name]
        and algorithms.get(name, 1) == PROBES[name].algorithm
        for name in reads
        if name in own
    )
