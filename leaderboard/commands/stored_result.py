"""The stored result that a command is about, with its examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.commands.options import stored_battery

if TYPE_CHECKING:
    from benchmark.datasets import Dataset
    from leaderboard.store import Entry, Store
    from models_zoo.classifier import Classifier

StoredBattery = Annotated[
    str | None,
    typer.Option(help="Battery of the results, by name, hash or file, where there are several."),
]
StoredSplit = Annotated[
    str, typer.Option(help="Results on the images of 'test', or on those of 'train'.")
]
StoredExamples = Annotated[
    int | None,
    typer.Option(
        "--examples",
        "--limit",
        min=1,
        help="Results on this many images, where there are several.",
    ),
]


def stored_result(
    store: Store,
    asked: str,
    *,
    battery: str | None,
    seed: int,
    split: str,
    examples: int | None,
    data: Path | None,
    data_root: Path | None,
) -> tuple[Entry, Dataset]:
    """Find a stored result, and load the examples that it is about.

    Args:
        store: where it is stored.
        asked: the model, by name or fingerprint.
        battery: the option --battery.
        seed: the option --seed.
        split: the option --split.
        examples: the option --examples.
        data: the option --data.
        data_root: the option --data-root.

    Raises:
        InputError: there is no such result, or there are several, or these are not its examples.
    """
    from leaderboard.jobs.examples import evaluation_examples, preprocessing_of
    from leaderboard.reruns.find_results import entry_on_images, find_entries

    entries = find_entries(
        store, asked, battery=stored_battery(battery), seed=seed, split=split, examples=examples
    )
    count, dataset = entries[0].provenance.examples, entries[0].battery["dataset"]
    images = evaluation_examples(
        *(dataset, data, data_root, count),
        split=split,
        preparation=preprocessing_of([entries[0].card]),
        own_data=data is not None,  # they have to be those of the stored result in any case
    )
    return entry_on_images(entries, images), images


def stored_model(
    entry: Entry, asked: str, checkpoint: Path | None, *, trust: bool, database: str
) -> Classifier:
    """Load the model of a stored result, and print what is to be known about it.

    Args:
        entry: the stored result.
        asked: the model, by name or fingerprint.
        checkpoint: the option --checkpoint.
        trust: the option --trust.
        database: the option --database, beside which submitted checkpoints are kept.

    Raises:
        InputError: the model cannot be loaded.
    """
    from leaderboard.reruns.stored_model import load_stored
    from leaderboard.submissions.workspace import workspace_of
    from leaderboard.terminal.model_notes import print_notes

    workspace = workspace_of(database)
    return print_notes(load_stored(entry.card, asked, checkpoint, trust=trust, workspace=workspace))
