"""The share of each probe in the time of a battery, all probes beside each other.

Run ``python -m perf.battery_shares`` from the root of a checkout: a quarter of an hour on one
thread. It runs every battery with all its probes, those on request last, and writes its section of
``docs/performance.md``. Time is that of the processor, corrected for other programs
(:mod:`perf.quiet_clock`). Each row is stored at once; ``--only`` measures some models. ImageNet is
planned (:mod:`perf.share_imagenet`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer
from torch import nn

from benchmark.batteries import load_battery
from benchmark.datasets import Dataset, load_dataset
from benchmark.datasets.prepared_texts import prepare_texts
from benchmark.datasets.rated_sentences import SENTENCES
from models_zoo import load_model
from models_zoo.errors import InputError
from perf.cases import WholeModel, test_images, whole_models
from perf.command import (
    PAGE,
    ROOT,
    Page,
    RenderOnly,
    RowsFile,
    Shared,
    console,
    matches,
    run_command,
    shared_folder,
)
from perf.imagenet_plan import NETWORKS
from perf.page import write_section
from perf.randomized import Noise
from perf.records import Records
from perf.share_imagenet import plan_shares
from perf.share_rows import ShareCase, ShareRow, measure_shares
from perf.share_table import render_shares

TOOL = "battery_shares"
EXAMPLES = {
    "digits/mlp-standard": 600,
    "digits/mlp-pgd-at": 100,
    "cifar10-cnn-a-adv": 100,
    "cifar10-resnet20-standard": 32,
}
"""Models and the numbers of their examples, in the order of the table."""

WITHOUT = {
    "cifar10-cnn-a-adv": ("regional",),
    "cifar10-resnet20-standard": ("regional", "distance", "input-autoattack"),
}
"""Probes on request that are not measured: regional attacks need a network that is not in a clone,
and the others would take minutes more."""

TEXTS, N_TEXTS = "movies/mean-linear-standard", 300
"""Model of texts and the number of its examples, with the battery of its data set."""

CONCEPTS = "digits/cnn-standard"
"""Model that the concept vectors of the battery for digits are measured on, with all examples."""

DETECTION = "digits/cnn-pgd-at"
"""Model that the detection of adversarial digits is measured on."""

METHOD = "digits/anomaly-ae"
"""Training method that is measured with the battery for methods."""

PLANNED = NETWORKS[0].name

NOISY = "digits/mlp-pgd-at"
DEVIATION = 0.2
"""Model and deviation of the noise on its input for the battery of models that draw numbers."""


def run(
    shared: Shared = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only models that match, such as 'digits/*'.")
    ] = None,
    out: RowsFile = ROOT / "docs/battery_shares.jsonl",
    page: Page = PAGE,
    render: RenderOnly = False,
) -> None:
    """Measure the share of each probe in the time of its battery."""
    torch.set_num_threads(1)
    records = Records(out, ShareRow)
    if not render:
        folder = shared_folder(shared)
        for case in cases(folder):
            if matches(case.model, only):
                with console.status(case.model) as status:
                    row = measure_shares(case, status.update)
                records.put(row)
                console.print(f"{case.model}: {row.seconds:.1f} s")
        if matches(PLANNED, only):
            records.put(plan_shares(test_images("cifar10", folder)))
    write_section(page, TOOL, render_shares(ordered(records.rows)))
    console.print(f"{page}: {len(records.rows)} models")


def cases(shared: Path) -> Iterator[ShareCase]:
    """What is measured, in the order of the table.

    Args:
        shared: the folder with ``data``.

    Raises:
        InputError: a model or its examples are missing.
    """
    available = {case.model: case for case in whole_models(shared)}
    if missing := sorted(set(EXAMPLES) - set(available)):
        raise InputError(f"not available here: {', '.join(missing)}; give --shared")
    for name, count in EXAMPLES.items():
        case = available[name]
        battery = load_battery(case.battery)
        yield ShareCase(
            *(name, battery, case.load, partial(_first, case, count)),
            without=WITHOUT.get(name, ()),
        )
    noisy = available[NOISY]
    yield ShareCase(
        noisy_name(),
        load_battery("digits-randomized-v1"),
        _noisy,
        partial(_first, noisy, EXAMPLES[NOISY]),
    )
    detection = load_battery("digits-detection-v1")
    yield ShareCase(
        *(DETECTION, detection, partial(load_model, DETECTION)),
        examples=partial(load_dataset, detection.dataset, examples=detection.examples),
    )
    yield ShareCase(
        *(CONCEPTS, load_battery("digits-concepts-v1"), partial(load_model, CONCEPTS)),
        examples=partial(load_dataset, "digits"),
    )
    yield ShareCase(
        *(METHOD, load_battery("digits-anomaly-v1"), partial(load_model, METHOD)),
        examples=partial(load_dataset, "digits"),
    )
    yield ShareCase(
        *(TEXTS, load_battery("movies-v1"), partial(load_model, TEXTS), partial(_texts, shared))
    )


def noisy_name() -> str:
    """Name of the model that draws random numbers."""
    return f"{NOISY}, noise {DEVIATION:g}"


def ordered(rows: list[ShareRow]) -> list[ShareRow]:
    """Rows in the order of the table, without those of models that are measured no longer."""
    by_model = {row.conditions.model: row for row in rows}
    return [
        by_model[name]
        for name in (*EXAMPLES, noisy_name(), DETECTION, CONCEPTS, METHOD, TEXTS, PLANNED)
        if name in by_model
    ]


def _first(case: WholeModel, count: int) -> Dataset:
    data = case.examples()
    return data.head(min(count, len(data)))


def _texts(shared: Path) -> Dataset:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        prepare_texts("movies", shared / "data" / "text" / SENTENCES, root)
        return load_dataset("movies", data_root=root, examples=N_TEXTS)


def _noisy() -> nn.Module:
    return Noise(load_model(NOISY), DEVIATION)


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
