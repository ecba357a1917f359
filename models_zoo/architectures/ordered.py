"""Which networks are a chain of layers, so that order tells what names do not."""

from __future__ import annotations

from models_zoo.architectures.families import find_family

CHAINS = ("cifar-cnn-a", "cnn", "cnn-a", "mlp")
"""Architectures of one name that are."""


def is_ordered(name: str) -> bool:
    """Whether the layers of an architecture follow each other without branches."""
    found = find_family(name)
    return name in CHAINS or (found is not None and found[0].chain)
