"""Ranks that models share if they cannot be distinguished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from leaderboard.effects import agresti_min


@dataclass(frozen=True)
class Rank:
    """A model's rank.

    Attributes:
        number: from 1; shared by models that cannot be distinguished from the first of them.
        shared: whether another model has the same rank.
        leader: index of the first model of this rank.
        behind: difference of the share of the leader and that of the model over the same examples,
            with the ends of its 95% interval.
    """

    number: int
    shared: bool
    leader: int
    behind: tuple[float, float, float]


def rank_models(outcomes: Sequence[bytes | None], examples: int) -> list[Rank | None]:
    """Rank models by the number of examples they are robust on, with shared ranks.

    In descending order, a model shares the rank of the model before it unless the 95% interval of
    the paired difference (Agresti and Min 2005) between it and the first model of that rank lies
    above 0; then its own rank begins.

    Args:
        outcomes: each model's packed outcomes on the same examples; ``None`` has no rank.
        examples: number of examples.
    """
    known = [(index, bits) for index, bits in enumerate(outcomes) if bits is not None]
    bits = np.stack([np.frombuffer(each, np.uint8) for _, each in known]) if known else None
    if bits is None:
        return [None] * len(outcomes)
    n_robust = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
    order = np.argsort(-n_robust, kind="stable")
    found: dict[int, tuple[int, int, tuple[float, float, float]]] = {}
    members: dict[int, int] = {}
    first, leader = 1, int(order[0])
    for position, index in enumerate(map(int, order), 1):
        both = int(np.bitwise_count(bits[leader] & bits[index]).sum())
        gained, lost = int(n_robust[leader]) - both, int(n_robust[index]) - both
        behind = agresti_min(gained, lost, examples)
        if behind[1] > 0:
            first, leader, behind = position, index, agresti_min(0, 0, examples)
        found[index] = (first, leader, behind)
        members[first] = members.get(first, 0) + 1
    ranks: list[Rank | None] = [None] * len(outcomes)
    for index, (number, leading, difference) in found.items():
        ranks[known[index][0]] = Rank(
            number=number,
            shared=members[number] > 1,
            leader=known[leading][0],
            behind=difference,
        )
    return ranks
