"""Rank correlations over rows of samples agree with scipy, and their intervals with simulations."""

import math

import numpy as np
import pytest
from scipy import stats

from leaderboard.findings.rank_bootstrap import (
    bootstrapped,
    change,
    kendall,
    partial,
    spearman,
)


def columns(n, k=3, seed=0, ties=False):
    drawn = np.random.default_rng(seed).normal(size=(k, n))
    drawn[1] += drawn[0]
    drawn[2] -= 0.5 * drawn[0]
    return np.round(drawn) if ties else drawn


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_are_those_of_scipy(ties):
    rows = np.stack([columns(9, seed=seed, ties=ties) for seed in range(20)])
    rhos, taus = spearman(rows[:, 0], rows[:, 1]), kendall(rows[:, 0], rows[:, 1])
    for row, rho, tau in zip(rows, rhos, taus, strict=True):
        assert rho == pytest.approx(stats.spearmanr(row[0], row[1]).statistic)
        assert tau == pytest.approx(stats.kendalltau(row[0], row[1]).statistic)


def test_a_partial_correlation_is_that_of_the_residuals_of_ranks():
    x, y, z = columns(40)
    found = bootstrapped(partial(spearman), [x, y, z])
    ranks = [stats.rankdata(each) for each in (x, y, z)]
    residuals = [each - np.polyval(np.polyfit(ranks[2], each, 1), ranks[2]) for each in ranks[:2]]
    assert found.value == pytest.approx(np.corrcoef(*residuals)[0, 1])
    assert found.low < found.value < found.high
    assert found.n == 40


def test_a_confounder_explains_a_correlation_away():
    """Both depend on the third alone."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=60)
    x, y = z + 0.3 * rng.normal(size=60), z + 0.3 * rng.normal(size=60)
    assert bootstrapped(spearman, [x, y]).sign == 1
    assert bootstrapped(partial(spearman), [x, y, z]).sign == 0


def test_the_change_is_that_of_both_correlations():
    x, y, z = columns(30)
    found = bootstrapped(change(kendall), [x, y, z])
    expected = stats.kendalltau(z, y).statistic - stats.kendalltau(x, y).statistic
    assert found.value == pytest.approx(expected)
    assert bootstrapped(change(kendall), [x, y, x]).value == 0
    assert bootstrapped(change(kendall), [x, y, z]) == found


def test_intervals_cover_about_as_often_as_they_say():
    """The correlation of these normal numbers is 0.6, Spearman's 6 / pi asin(0.3)."""
    true, hits, rng = 6 / math.pi * math.asin(0.3), 0, np.random.default_rng(2)
    for _ in range(40):
        x = rng.normal(size=40)
        y = 0.6 * x + 0.8 * rng.normal(size=40)
        found = bootstrapped(spearman, [x, y])
        hits += found.low <= true <= found.high
    assert 34 <= hits <= 40


def test_where_one_side_is_constant_nothing_is_shown():
    found = bootstrapped(spearman, [np.ones(8), np.arange(8)])
    assert math.isnan(found.value)
    assert found.sign == 0
    assert bootstrapped(partial(spearman), [np.arange(8), np.arange(8), np.arange(8)]).sign == 0
