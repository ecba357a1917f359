"""Ranks: ranges by how many models are significantly better and worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.statistics import paired_shares
from leaderboard.board import ranking as module
from leaderboard.board.ranking import rank_models

N = 200


def packed(bits):
    return np.packbits(bits).tobytes()


def range_of(number, last):
    return f"{number}\N{EN DASH}{last}"


def ranked(rows):
    """The places of models that all have outcomes."""
    return rank_models([packed(row) for row in rows], len(rows[0])).ranks


def first(count, n=N):
    """The first ``count`` of the examples are right."""
    return np.arange(n) < count


def test_models_that_differ_on_many_examples_have_ranks_of_their_own():
    places = ranked([first(n) for n in (20, 150, 90)])
    assert [place.text for place in places] == ["3", "1", "2"]
    assert not any(place.shared for place in places)


def test_a_small_difference_decides_where_it_is_always_the_same_examples():
    """Ten examples of 200 more: unpaired intervals overlap, but the pairs all point one way."""
    places = ranked([first(110), first(100)])
    assert [place.text for place in places] == ["1", "2"]
    generator = np.random.default_rng(0)
    mixed = generator.permutation(first(110)), generator.permutation(first(100))
    assert [place.text for place in ranked(mixed)] == [range_of(1, 2), range_of(1, 2)]


def test_ranges_of_neighbours_overlap():
    """Each is near the one before it, but the last is far from the first."""
    places = ranked([first(120), first(117), first(114)])
    assert [place.text for place in places] == [range_of(1, 2), range_of(1, 3), range_of(2, 3)]
    assert [place.nearest for place in places] == [(1,), (0, 2), (1,)]
    assert (places[0].better, places[0].worse, places[0].tied) == (0, 1, 1)


def test_a_lower_score_never_has_a_better_rank():
    """The second is worse than the first on the same examples, the third on others."""
    best, second = first(120), first(110)
    third = np.concatenate([~first(60, 75), first(94, 125)])
    assert paired_shares(best, second).sign == 1
    assert paired_shares(best, third).sign == 0
    assert best.sum() > second.sum() > third.sum()
    places = ranked([third, second, best])
    assert [place.text for place in places] == [range_of(1, 3), range_of(1, 3), range_of(1, 2)]
    assert [place.widened for place in places] == [False, True, False]
    assert [place.better for place in places] == [0, 1, 0]


def test_models_without_outcomes_have_no_rank():
    places = rank_models([None, packed(first(3)), None], N).ranks
    assert [place and place.text for place in places] == [None, "1", None]
    assert rank_models([], N).ranks == []


def test_holm_s_correction_counts_fewer_pairs():
    generator = np.random.default_rng(1)
    rows = [generator.random(N) < 0.5 for _ in range(40)]
    ranking = rank_models([packed(row) for row in rows], N)
    assert ranking.pairs == 780
    assert 0.02 < ranking.distinct / ranking.pairs < 0.09  # there is no true difference
    assert ranking.corrected == 0
    far = rank_models([packed(first(6 * level)) for level in range(20)], N)
    assert far.distinct == far.pairs == 190
    assert far.corrected == 171  # of neighbours, 6 of 6 examples are p = 0.014: 19 of them are left


@given(st.lists(st.integers(0, 2**16 - 1), min_size=1, max_size=8))
def test_ranks_count_the_paired_differences_and_follow_the_scores(numbers):
    rows = [np.array([number >> i & 1 for i in range(16)], bool) for number in numbers]
    places = ranked(rows)
    for bits, place in zip(rows, places, strict=True):
        signs = [paired_shares(other, bits).sign for other in rows]
        assert (place.better, place.worse) == (signs.count(1), signs.count(-1))
        assert place.number <= 1 + place.better <= len(rows) - place.worse <= place.last
        assert all(paired_shares(rows[near], bits).sign == 0 for near in place.nearest)
        assert len(place.nearest) == min(place.tied, module.NEAREST)
        for other, beside in zip(rows, places, strict=True):
            if bits.sum() > other.sum():
                assert place.number <= beside.number
                assert place.last <= beside.last


@pytest.mark.parametrize("block", [1, 3])
def test_blocks_change_nothing(block, monkeypatch):
    generator = np.random.default_rng(2)
    rows = [packed(generator.random(N) < level) for level in generator.random(17)]
    whole = rank_models(rows, N)
    monkeypatch.setattr(module, "_BLOCK", block)
    assert rank_models(rows, N) == whole
