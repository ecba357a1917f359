"""Verifying a counterexample that was sent, in a child in the sandbox.

The model may be one that somebody submitted, and the file is somebody's. The child gives what it
found as a line of JSON, which the parent validates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from benchmark.results import Provenance
from leaderboard.jobs.check import DATA, DATA_ROOT
from models_zoo.card import Card

TARGET: Final = "leaderboard.service.counterexample_check:check"
"""What the child calls."""

FILE, CHECKPOINT = "counterexample", "checkpoint"
"""Names of the child's files besides those of the images."""

LARGEST = 64 << 20
"""Bytes of the largest file that a service takes."""


class Order(BaseModel):
    """What the child is told.

    Attributes:
        card: of the model.
        suffix: of its checkpoint, which is one of the child's files; empty for a model by name.
        provenance: of the results that the counterexample is about.
        battery: content of their battery.
        file_sha256: of the counterexample.
        by: who sent it.
        note: for readers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: Card
    suffix: str = ""
    provenance: Provenance
    battery: dict[str, Any]
    file_sha256: str
    by: str
    note: str = ""


def check(
    request: Mapping[str, Any], files: Mapping[str, Path], emit: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Verify a counterexample.

    Args:
        request: an :class:`Order`.
        files: by name, where the child has the file, the checkpoint and the images.
        emit: unused: it takes seconds.

    Returns:
        A :class:`leaderboard.archives.records.CounterexampleLine`.

    Raises:
        InputError: it shows nothing, with the reason.
    """
    from benchmark.counterexamples import read_counterexample
    from leaderboard.archives.counterexample_lines import line_of
    from leaderboard.jobs.examples import evaluation_examples, preprocessing_of
    from leaderboard.reruns.counterexamples import Finder, verified
    from leaderboard.reruns.stored_model import load_stored
    from leaderboard.store import Entry
    from models_zoo.checkpoint import FileBytes, read_file

    order = Order.model_validate(request)
    where = order.provenance
    entry = Entry(order.card, order.battery, submitted=False, provenances={"": where})
    checkpoint = None
    if order.suffix:
        read = read_file(files[CHECKPOINT], kind="file")
        checkpoint = FileBytes(Path(f"model{order.suffix}"), read.data, read.sha256)
    data = evaluation_examples(
        *(order.battery["dataset"], files.get(DATA), files.get(DATA_ROOT), where.examples),
        split=where.split,
        preparation=preprocessing_of([order.card]),
        own_data=DATA in files,  # they have to be those of the stored result in any case
    )
    found = verified(
        read_counterexample(Path(files[FILE]), LARGEST),
        order.file_sha256,
        entry,
        load_stored(order.card, order.card.name, checkpoint),
        data,
        Finder(order.by, order.note),
    )
    return line_of(where.data_sha256, found).model_dump(mode="json")
