"""Networks without branches, whose layers can be matched in order if their names do not match."""

from __future__ import annotations

from models_zoo.architectures.families import find_family

CHAINS = ("cifar-cnn-a", "cnn", "cnn-a", "mlp")
"""Architectures without numbers in their names that have no branches."""


def is_ordered(name: str) -> bool:
    """Whether the layers of an architecture follow each other without branches."""
    found = find_family(name)
    return name in CHAINS or (found is not None and found[0].chain)
