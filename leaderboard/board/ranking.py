"""Ranks in which models that cannot be told apart share a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.effects import agresti_min


@dataclass(frozen=True)
class Place:
    """A model's rank.

    Attributes:
        rank: from 1; shared by models that the examples do not tell from the first of them.
        shared: whether another model has the same rank.
        leader: index of the first model of this rank.
        behind: by how much the share of the leader is larger, over the same examples, with the
            ends of its 95% interval.
    """

    rank: int
    shared: bool
    leader: int
    behind: tuple[float, float, float]


def rank(outcomes: Sequence[bytes | None], examples: int) -> list[Place | None]:
    """Rank models by how many examples they withstand, with shared places.

    In descending order, a model shares the rank of the model before it unless the 95% interval of
    the paired difference (Agresti and Min 2005) between it and the first model of that rank lies
    above 0; then its own rank begins.

    Args:
        outcomes: each model's packed outcomes on the same examples; ``None`` has no rank.
        examples: number of examples.
    """
    known = [(place, bits) for place, bits in enumerate(outcomes) if bits is not None]
    bits = np.stack([np.frombuffer(each, np.uint8) for _, each in known]) if known else None
    if bits is None:
        return [None] * len(outcomes)
    standing = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
    order = np.argsort(-standing, kind="stable")
    found: dict[int, tuple[int, int, tuple[float, float, float]]] = {}
    members: dict[int, int] = {}
    first, leader = 1, int(order[0])
    for position, index in enumerate(map(int, order), 1):
        both = int(np.bitwise_count(bits[leader] & bits[index]).sum())
        gained, lost = int(standing[leader]) - both, int(standing[index]) - both
        behind = agresti_min(gained, lost, examples)
        if behind[1] > 0:
            first, leader, behind = position, index, agresti_min(0, 0, examples)
        found[index] = (first, leader, behind)
        members[first] = members.get(first, 0) + 1
    places: list[Place | None] = [None] * len(outcomes)
    for index, (rank_, leader_, behind_) in found.items():
        places[known[index][0]] = Place(rank_, members[rank_] > 1, known[leader_][0], behind_)
    return places
