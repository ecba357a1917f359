"""Ranks: who shares one, and that the examples decide it in pairs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.board.ranking import rank_models
from leaderboard.effects import paired_shares

N = 200


def packed(bits):
    return np.packbits(bits).tobytes()


def ranked(rows):
    """The places of models that all have outcomes."""
    return [place for place in rank_models([packed(row) for row in rows], len(rows[0])) if place]


def first(count):
    """The first ``count`` of the examples are right."""
    return np.arange(N) < count


def test_models_that_differ_on_many_examples_have_ranks_of_their_own():
    places = ranked([first(n) for n in (20, 150, 90)])
    assert [place.number for place in places] == [3, 1, 2]
    assert not any(place.shared for place in places)


def test_a_small_difference_decides_where_it_is_always_the_same_examples():
    """Ten examples of 200 more: unpaired intervals overlap, but the pairs all point one way."""
    places = ranked([first(110), first(100)])
    assert [place.number for place in places] == [1, 2]
    generator = np.random.default_rng(0)
    mixed = generator.permutation(first(110)), generator.permutation(first(100))
    places = ranked(mixed)
    assert [place.number for place in places] == [1, 1]
    assert all(place.shared for place in places)


def test_a_rank_is_shared_with_its_first_not_with_its_last():
    """Each is near the one before it, but the last is far from the first."""
    chain = [first(120), first(117), first(114)]
    places = ranked(chain)
    assert [place.number for place in places] == [1, 1, 3]
    assert places[1].leader == 0
    assert places[2].leader == 2


def test_models_without_outcomes_have_no_rank():
    places = rank_models([None, packed(first(3)), None], N)
    assert [place and place.number for place in places] == [None, 1, None]
    assert rank_models([], N) == []


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=8))
def test_ranks_agree_with_the_paired_intervals(numbers):
    rows = [np.array([number >> i & 1 for i in range(16)], bool) for number in numbers]
    places = ranked(rows)
    for bits, place in zip(rows, places, strict=True):
        behind = paired_shares(rows[place.leader], bits)
        assert behind.low <= 0
        assert np.isclose(place.behind, (behind.value, behind.low, behind.high)).all()
        assert places[place.leader].number == place.number
        assert bits.sum() <= rows[place.leader].sum()
    order = sorted(range(len(rows)), key=lambda index: places[index].number)
    for one, other in pairwise(order):
        assert rows[one].sum() >= rows[other].sum() or places[one].number == places[other].number
