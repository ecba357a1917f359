"""Ranks as ranges: how many models are significantly better, and how many worse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmark.statistics import Z95

NEAREST = 3
"""Models that cannot be distinguished from one are named up to this number."""

_BLOCK = 1024
"""Models that are compared with all others at once: 40 MB of 32-bit floats for 10,000 examples."""

_LEVEL = 0.05

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Rank:
    """A model's place among others.

    Attributes:
        number: the best that its rank may be: 1 and the number of significantly better models.
        last: the worst: the number of models less the significantly worse ones.
        models: number of ranked models.
        better: number of models that are significantly better.
        worse: number of models that are significantly worse.
        nearest: indices of up to :data:`NEAREST` models next to it that cannot be distinguished.
    """

    number: int
    last: int
    models: int
    better: int
    worse: int
    nearest: tuple[int, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether the rank is a range."""
        return self.last > self.number

    @property
    def text(self) -> str:
        """The rank as shown, such as ``2`` or ``2-5`` (with an en dash)."""
        return rank_text(self.number, self.last)

    @property
    def tied(self) -> int:
        """Number of other models that cannot be distinguished from it."""
        return self.models - 1 - self.better - self.worse

    @property
    def widened(self) -> bool:
        """Whether the range was widened to that of a model with a lower or a higher score."""
        return self.number <= self.better or self.last > self.models - self.worse


@dataclass(frozen=True)
class Ranking:
    """The ranks of the models of a board.

    Attributes:
        ranks: one per model; ``None`` where it has no outcomes.
        pairs: number of pairs of ranked models.
        distinct: number of pairs that differ significantly.
        corrected: number of pairs that still do with Holm's correction (1979) for all of them.
    """

    ranks: list[Rank | None]
    pairs: int
    distinct: int
    corrected: int


def rank_text(number: int, last: int) -> str:
    """A rank as shown."""
    return str(number) if number == last else f"{number}\N{EN DASH}{last}"


def discordant(first: bytes, second: bytes) -> tuple[int, int]:
    """Number of examples that are true in only the first, and in only the second outcomes.

    Args:
        first: packed outcomes.
        second: packed outcomes of the same examples.
    """
    one, other = np.frombuffer(first, np.uint8), np.frombuffer(second, np.uint8)
    gained, lost = np.bitwise_count(one & ~other).sum(), np.bitwise_count(other & ~one).sum()
    return int(gained), int(lost)


def rank_models(outcomes: Sequence[bytes | None], examples: int) -> Ranking:
    """Rank models by the number of examples they are robust on.

    A model is significantly better than another if it is by
    :func:`~benchmark.statistics.paired_shares`. The rank of a model is the range from 1 plus the
    number of better models to the number of all models less that of worse ones. A model with a
    higher score can be worse than more models, since each pair differs on other examples; its
    range then begins where that of a lower one begins, and likewise for the ends, so that both
    increase from the best score to the worst.

    Args:
        outcomes: each model's packed outcomes on the same examples; ``None`` has no rank.
        examples: number of examples.
    """
    known = [index for index, bits in enumerate(outcomes) if bits is not None]
    ranks: list[Rank | None] = [None] * len(outcomes)
    if not known:
        return Ranking(ranks, 0, 0, 0)
    packed = np.stack([np.frombuffer(bits, np.uint8) for bits in outcomes if bits is not None])
    n_robust = np.bitwise_count(packed).sum(axis=1, dtype=np.int64)
    order = np.argsort(-n_robust, kind="stable")
    packed, n_robust, n = packed[order], n_robust[order], len(known)
    better, worse, corrected = _compare(packed, n_robust, examples)
    first = np.minimum.accumulate((better + 1)[::-1])[::-1]
    last = np.maximum.accumulate(n - worse)
    for place, index in enumerate(map(int, order)):
        near = _nearest(packed, n_robust, place, n - 1 - int(better[place] + worse[place]))
        ranks[known[index]] = Rank(
            number=int(first[place]),
            last=int(last[place]),
            models=n,
            better=int(better[place]),
            worse=int(worse[place]),
            nearest=tuple(known[int(order[other])] for other in near),
        )
    return Ranking(ranks, n * (n - 1) // 2, int(better.sum()), corrected)


def _compare(
    packed: NDArray[np.uint8], n_robust: Counts, examples: int
) -> tuple[Counts, Counts, int]:
    """Models that are better and worse than each (K,), and the pairs left by Holm's correction.

    Args:
        packed: outcomes (K, bytes), best first.
        n_robust: number of true outcomes (K,).
        examples: number of examples.
    """
    n = len(packed)
    pairs = max(1, n * (n - 1) // 2)
    strict = NormalDist().inv_cdf(1 - _LEVEL / 2 / pairs) ** 2
    better, worse = np.zeros(n, np.int64), np.zeros(n, np.int64)
    certain, close = 0, []

    def rows(begin: int) -> NDArray[np.float32]:
        block = packed[begin : begin + _BLOCK]
        return np.unpackbits(block, axis=1, count=examples).astype(np.float32)

    for top in range(0, n, _BLOCK):
        above = rows(top)
        for left in range(top, n, _BLOCK):
            below = above if left == top else rows(left)
            both = (above @ below.T).astype(np.int64)  # whole numbers below 2^24 are exact
            here, there = n_robust[top : top + _BLOCK, None], n_robust[None, left : left + _BLOCK]
            square, differ = (here - there) ** 2, here + there - 2 * both
            distinct = square > Z95**2 * differ
            if left == top:
                distinct = np.triu(distinct, 1)
            better[left : left + _BLOCK] += distinct.sum(axis=0)
            worse[top : top + _BLOCK] += distinct.sum(axis=1)
            found = square[distinct] / differ[distinct]
            certain += int((found > strict).sum())
            close.append(found[found <= strict])
    return better, worse, certain + _holm(np.concatenate(close), pairs - certain)


def _holm(squares: NDArray[np.float64], left: int) -> int:
    """Number of further rejections by Holm's procedure, from the largest statistic on."""
    for count, square in enumerate(np.sort(squares)[::-1]):
        if square <= NormalDist().inv_cdf(1 - _LEVEL / 2 / (left - count)) ** 2:
            return count
    return len(squares)


def _nearest(packed: NDArray[np.uint8], n_robust: Counts, place: int, tied: int) -> list[int]:
    """Places of models that cannot be distinguished from that at a place, nearest first."""
    found: list[int] = []
    aside = 1
    while len(found) < min(tied, NEAREST):
        for other in (place - aside, place + aside):
            if 0 <= other < len(packed) and len(found) < NEAREST:
                both = int(np.bitwise_count(packed[place] & packed[other]).sum())
                differ = int(n_robust[place] + n_robust[other]) - 2 * both
                if (n_robust[place] - n_robust[other]) ** 2 <= Z95**2 * differ:
                    found.append(other)
        aside += 1
    return found
