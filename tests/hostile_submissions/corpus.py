"""The whole corpus, in one list."""

from __future__ import annotations

from tests.hostile_submissions.containers import container_entries
from tests.hostile_submissions.descriptions import architecture_entries, description_entries
from tests.hostile_submissions.entry import Entry
from tests.hostile_submissions.networks import graph_entries
from tests.hostile_submissions.weights import checkpoint_entries, damaged_entries


def corpus(damaged: int = 5, seed: int = 0) -> list[Entry]:
    """Every entry.

    Args:
        damaged: how many damaged files of every format.
        seed: of the damage.
    """
    return [
        *container_entries(),
        *checkpoint_entries(),
        *damaged_entries(damaged, seed),
        *graph_entries(),
        *architecture_entries(),
        *description_entries(),
    ]
