"""The shares of probes on ImageNet: planned, but for the time that corrupting images takes."""

from __future__ import annotations

from datetime import UTC, datetime

import torch

from benchmark.batteries import load_battery
from benchmark.corruptions import SEVERITIES, corrupt, defined_for
from benchmark.datasets import Dataset
from benchmark.probes.corruptions.images import in_bytes
from perf.imagenet_plan import BATTERY, EXAMPLES, NETWORKS, probe_seconds
from perf.quiet_clock import QuietClock
from perf.records import sources_sha256, surroundings
from perf.share_rows import ProbeTime, ShareConditions, ShareRow

SIDE = 224
IMAGES = 8
"""Images that are corrupted, enlarged ones of CIFAR-10."""

REQUESTED = ("corruptions", "backdoor-sparse")
"""Probes on request of which the plan knows the passes."""


def plan_shares(data: Dataset) -> ShareRow:
    """The battery for ImageNet on the first network of the plan, with 5,000 images.

    Images are corrupted on one thread of a processor, and what else probes take is that of one GPU.

    Args:
        data: images, of which the first are enlarged and corrupted.
    """
    network, battery = NETWORKS[0], load_battery(BATTERY)
    generation, slowdown = _generation(data.images[:IMAGES])
    names = (*battery.default, *REQUESTED)
    planned = dict(probe_seconds(network, EXAMPLES, probes=names))
    planned["corruptions"] += EXAMPLES * generation
    return ShareRow(
        conditions=ShareConditions(
            model=network.name,
            fingerprint="planned",
            examples=EXAMPLES,
            data_sha256=data.sha256,
            battery=battery.name,
            battery_sha256=battery.sha256,
            batch_size=IMAGES,
            sources=sources_sha256(without=()),
            **surroundings("cpu"),
        ),
        parameters=int(network.parameters),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        slowdown=round(slowdown, 3),
        probes=tuple(
            ProbeTime(
                probe=name,
                on_request=name in REQUESTED,
                seconds=round(seconds, 1),
                forwards=0,
                backwards=0,
            )
            for name, seconds in planned.items()
        ),
        generation=round(generation, 4),
    )


def _generation(images: torch.Tensor) -> tuple[float, float]:
    """Seconds to corrupt an image in every way, and how much slower than at its best it was."""
    large = torch.nn.functional.interpolate(images, size=(SIDE, SIDE), mode="bicubic")
    levels = in_bytes(large.clamp(0, 1))
    benchmark, validation = defined_for(*levels.shape[1:])
    names = benchmark + validation
    for name in names:  # matrices of some are computed once
        corrupt(levels[:1], name, SEVERITIES[0])
    clock = QuietClock()
    start = clock()
    for name in names:
        for severity in SEVERITIES:
            corrupt(levels, name, severity)
            clock()
    return (clock() - start) / len(levels), clock.slowdown
