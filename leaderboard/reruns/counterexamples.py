"""Verifying a counterexample against the stored results of a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from benchmark.counterexamples import Counterexample, depends_on_battery, verify
from benchmark.datasets import Dataset
from benchmark.subject import subject_of
from leaderboard.reruns.reproduction import battery_of, require_same
from leaderboard.store import Entry
from leaderboard.store.counterexamples import StoredCounterexample
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError


@dataclass(frozen=True)
class Finder:
    """Who found a counterexample.

    Attributes:
        by: their name, as it is shown.
        note: a note for readers.
    """

    by: str
    note: str = ""


def require_about(example: Counterexample, entry: Entry) -> None:
    """Check that a counterexample is about the model and the examples of a stored result.

    Raises:
        InputError: it says that it is about others.
    """
    where = entry.provenance
    for what, stated, stored in (
        ("model", example.fingerprint, where.fingerprint),
        ("examples", example.data_sha256, where.data_sha256),
    ):
        if stated and stated != stored:
            raise InputError(
                f"the counterexample is about other {what} than the stored result: their hash is "
                f"{stated[:12]}, that of the stored ones {stored[:12]}"
            )


def verified(
    example: Counterexample,
    file_sha256: str,
    entry: Entry,
    model: Classifier,
    data: Dataset,
    finder: Finder,
    *,
    device: str = "cpu",
) -> StoredCounterexample:
    """Verify a counterexample against a stored result.

    Args:
        example: the counterexample.
        file_sha256: of its file.
        entry: the stored results.
        model: their model.
        data: their examples.
        finder: who found it.
        device: where to compute.

    Returns:
        What :meth:`leaderboard.store.Store.add_counterexample` takes.

    Raises:
        InputError: it is about another model or other examples, lies outside its ball, or breaks
            nothing.
    """
    require_about(example, entry)
    require_same(entry, model, data)
    seed, bound = entry.provenance.seed, depends_on_battery(example)
    probes = battery_of(entry).probes if bound else None
    with subject_of(
        *(model, data.images, data.labels), seed=seed, device=device, texts=True
    ) as subject:
        found = verify(example, subject, probes)
    return StoredCounterexample(
        file_sha256=file_sha256,
        found=found,
        by=finder.by,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        note=finder.note,
        battery_sha256=entry.provenance.battery_sha256 if bound else None,
        seed=seed if bound else None,
    )
