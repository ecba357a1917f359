"""Accuracy of one model under every corruption, and the time that generating the images takes.

Run ``python -m perf.corruptions`` from the root of a checkout: some minutes. It writes its section
of ``docs/probes/corruptions.md``. Times are processor time of one thread, and not wall time, so
that other work on the machine hardly changes them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.progress import track

from benchmark.corruptions import (
    CORRUPTIONS,
    GENERATOR,
    SEVERITIES,
    VALIDATION,
    AnyCorruption,
    corrupt,
    defined_for,
)
from benchmark.probes.corruptions.images import in_bytes, to_images
from benchmark.results import Score
from benchmark.statistics import bounded_mean
from benchmark.subject import Subject, subject_of
from perf.cases import find_model
from perf.command import ROOT, Shared, console, run_command, shared_folder
from perf.page import line, write_section

TOOL = "corruptions"
MODEL = "cifar10-resnet20-standard"
BATCH = 128

Right = NDArray[np.bool_]


def run(
    model: Annotated[str, typer.Option(help="Of the zoo, or a shared checkpoint.")] = MODEL,
    examples: Annotated[int, typer.Option(min=1, help="Maximum number of images.")] = 10_000,
    shared: Shared = None,
    page: Annotated[Path, typer.Option(help="Page with the section.")] = ROOT
    / "docs/probes/corruptions.md",
) -> None:
    """Write the table of a model."""
    torch.set_num_threads(1)
    network, data = find_model(model, shared_folder(shared))
    images, labels = data.images[:examples], data.labels[:examples]
    with subject_of(network, images, labels, batch_size=BATCH) as subject:
        subject.logits(subject.images)  # the first pass loads code and allocates memory
        start = time.process_time()
        clean = float((subject.logits(subject.images).argmax(1) == labels).float().mean())
        forward = (time.process_time() - start) / len(labels)
        measured = list(_measured(subject))
    lines = [
        f"{model} on {len(labels):,} images of {data.name}, clean {clean:.1%}, {GENERATOR}, "
        "seed 0; the last columns are the mean with its 95% interval, the mean squared change of a "
        "pixel at severity 1 and 5, and the processor time per image and severity:",
        "",
        *_table(measured),
        "",
        *_summary(measured, forward),
    ]
    write_section(page, TOOL, "\n".join(lines) + "\n")
    console.print(f"written to {page}")


class Row:
    """What was measured of a corruption.

    Attributes:
        each: the corruption.
        right: bool (5, N).
        changes: mean squared change by severity, of pixels in [0, 1].
        seconds: processor time per image and severity.
    """

    def __init__(self, each: AnyCorruption, count: int) -> None:
        self.each, self.right = each, np.zeros((len(SEVERITIES), count), bool)
        self.changes, self.seconds = np.zeros(len(SEVERITIES)), 0.0


def _measured(subject: Subject) -> Iterator[Row]:
    levels, count = in_bytes(subject.images), len(subject)
    labels = subject.labels.numpy()
    channels, height, width = levels.shape[1:]
    benchmark, validation = defined_for(channels, height, width)
    for name in track(benchmark + validation, "corruptions", console=console):
        each = (CORRUPTIONS | VALIDATION)[name]
        row = Row(each, count)
        for severity in SEVERITIES:  # matrices of some are computed once
            corrupt(levels[:2], each.name, severity)
        for place, severity in enumerate(SEVERITIES):
            for rows in subject.batches():
                start = time.process_time()
                changed = corrupt(levels[rows], each.name, severity)
                row.seconds += (time.process_time() - start) / count / len(SEVERITIES)
                row.changes[place] += _squared(changed, levels[rows]) / count
                logits = subject.logits(to_images(changed, subject.images.device))
                row.right[place, rows] = logits.argmax(1).numpy() == labels[rows]
        yield row


def _squared(changed: NDArray[np.uint8], levels: NDArray[np.uint8]) -> float:
    """Sum over images of the mean squared change."""
    apart = (changed.astype(np.float64) - levels) / 255
    return float((apart**2).mean(axis=(1, 2, 3)).sum())


def _table(measured: list[Row]) -> Iterator[str]:
    head = ["corruption", *(f"{severity}" for severity in SEVERITIES)]
    yield line([*head, "mean", "squared change, 1 and 5", "ms"])
    yield line(["---", *["---:"] * 8])
    for row in measured:
        mean = bounded_mean(row.right.mean(axis=0))
        yield line(
            [
                f"{row.each.title}{'' if row.each.name in CORRUPTIONS else ' (validation)'}",
                *(f"{share:.1%}" for share in row.right.mean(axis=1)),
                _with_interval(mean),
                f"{row.changes[0]:.4f}, {row.changes[4]:.4f}",
                f"{1000 * row.seconds:.2f}",
            ]
        )
    whole = np.stack([row.right for row in measured if row.each.name in CORRUPTIONS])
    mean = bounded_mean(whole.mean(axis=(0, 1)))
    yield line(
        [
            f"**mean of the {len(whole)}**",
            *(f"{share:.1%}" for share in whole.mean(axis=(0, 2))),
            _with_interval(mean),
            "",
            "",
        ]
    )


def _with_interval(mean: Score) -> str:
    return f"{mean.value:.1%} ({mean.low:.1%} to {mean.high:.1%})"


def _summary(measured: list[Row], forward: float) -> Iterator[str]:
    counted = [row for row in measured if row.each.name in CORRUPTIONS]
    generated = len(SEVERITIES) * sum(row.seconds for row in counted)
    passes = len(SEVERITIES) * len(counted) * forward
    slowest = max(counted, key=lambda row: row.seconds)
    yield (
        f"All {len(SEVERITIES) * len(counted)} corrupted versions of an image take "
        f"{1000 * generated:.1f} ms of one processor, in batches of {BATCH}; as many forward "
        f"passes take {1000 * passes:.0f} ms, so generating adds {generated / passes:.1%}. The "
        f"slowest is {slowest.each.title.lower()} with {1000 * slowest.seconds:.2f} ms, against "
        f"{1000 * forward:.2f} ms for a pass."
    )


if __name__ == "__main__":
    run_command(run)
