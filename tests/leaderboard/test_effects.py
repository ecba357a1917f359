"""Differences and correlations: what they are, and that their intervals and tests are right."""

import numpy as np
import pytest
from scipy import stats

from benchmark.statistics import exact, mean, proportion, tango
from leaderboard.effects import (
    difference,
    paired_means,
    paired_shares,
    rank_correlation,
)
from leaderboard.findings.wording import signed


def bits(ones, n=100):
    return np.arange(n) < ones


def test_paired_shares_are_tested_on_the_examples_that_differ():
    first, second = bits(60), bits(50)
    effect = paired_shares(first, second)
    assert effect.value == pytest.approx(0.1)
    assert effect.p == pytest.approx(stats.chi2.sf(10**2 / 10, 1))  # McNemar's
    assert effect.low < 0.1 < effect.high
    assert effect.sign == 1
    assert paired_shares(second, first).sign == -1
    shuffled = np.roll(second, 50)  # the same shares, but other examples: 60 to 50 by chance
    assert paired_shares(first, shuffled).sign == 0


@pytest.mark.parametrize("without", [exact(0.2, 100), mean([0.2])])
def test_scores_without_an_interval_cannot_be_told_apart(without):
    for pair in ((proportion(bits(60)), without), (without, proportion(bits(60)))):
        effect = difference(*pair)
        assert (effect.low, effect.high, effect.sign) == (-np.inf, np.inf, 0)
        assert signed(effect) in ("+0.40", "\N{MINUS SIGN}0.40")


def test_equal_outcomes_are_no_difference():
    effect = paired_shares(bits(60), bits(60))
    assert (effect.value, effect.p, effect.sign) == (0, 1, 0)
    assert effect.low < 0 < effect.high


def test_the_ends_of_the_interval_of_paired_shares_are_where_the_score_test_rejects():
    n, lost = 44, 1
    effect = tango(0, lost, n)
    for end in (effect.low, effect.high):
        shares = np.linspace(max(0, -end), (1 - end) / 2, 2_000_001)[1:-1]  # of examples lost
        likelihood = lost * np.log(shares) + (n - lost) * np.log(1 - 2 * shares - end)
        share = shares[likelihood.argmax()]
        variance = n * (2 * share + end - end**2)
        assert abs(-lost - n * end) / np.sqrt(variance) == pytest.approx(1.96, abs=2e-3)
    same = tango(0, 0, 12)
    z2 = stats.norm.ppf(0.975) ** 2
    assert (same.low, same.high) == pytest.approx((-z2 / (12 + z2), z2 / (12 + z2)))
    assert tango(12, 0, 12).high == 1 == -tango(0, 12, 12).low


def test_paired_means_use_that_the_examples_are_the_same():
    generator = np.random.default_rng(0)
    hard = generator.random(200)
    effect = paired_means(hard + 0.01 + 0.01 * generator.random(200), hard)
    assert effect.sign == 1
    assert 0.012 < effect.low < effect.value < effect.high < 0.018
    for bound in (1, np.inf):  # without a difference, and the same one for every example
        assert paired_means(hard, hard, bound).sign == 0
    assert paired_means(hard[:12], hard[:12], 1).high > 0.2
    assert paired_means(hard + 0.5, hard, 1).sign == 1
    assert paired_means(hard + 0.5, hard).sign == 0  # nothing says how others scatter
    assert paired_means(hard[:3], hard[3:6]).high == np.inf


def test_independent_scores_differ_where_their_intervals_say_so():
    near = difference(mean([1.0, 1.2, 0.8]), mean([0.9, 1.1, 0.7]))
    far = difference(mean([1.0, 1.2, 0.8]), mean([3.0, 3.1, 2.9]))
    assert near.sign == 0
    assert (far.sign, far.p) == (-1, None)
    assert far.value == pytest.approx(-2)
    shares = difference(proportion(bits(90)), proportion(bits(60)))
    assert shares.low == pytest.approx(0.30 - np.hypot(0.90 - 0.8256, 0.6906 - 0.60), abs=2e-4)


def test_rank_correlation_is_scipy_s_and_few_pairs_are_never_significant():
    x = np.arange(6.0)
    assert rank_correlation(x, 10 * x).value == pytest.approx(1)
    assert rank_correlation(x, 10 * x).sign == 1
    assert rank_correlation(x, -x).sign == -1
    for few in (2, 3, 4, 5):
        assert rank_correlation(x[:few], x[:few]).sign == 0
    for n in (6, 9, 25):
        for seed in range(100):
            numbers = np.random.default_rng(seed).random((2, n))
            effect = rank_correlation(numbers[0], numbers[1] + seed / 50 * numbers[0])
            assert (effect.p is not None and effect.p < 0.05) == (effect.sign != 0)
    generator = np.random.default_rng(1)
    a, b = generator.random(30), generator.random(30)
    a[3] = a[4]
    assert rank_correlation(a, b).value == pytest.approx(stats.spearmanr(a, b).statistic)


def test_rank_correlation_of_unrelated_numbers_is_open_and_of_related_ones_is_not():
    generator = np.random.default_rng(2)
    x = generator.random(20)
    unrelated = rank_correlation(x, generator.random(20))
    related = rank_correlation(x, x + 0.2 * generator.random(20))
    assert unrelated.sign == 0
    assert unrelated.low < 0 < unrelated.high
    assert related.sign == 1
    assert 0.5 < related.low <= related.value <= related.high <= 1
    assert rank_correlation(x, x**3) == rank_correlation(x, x)


def test_infinite_values_are_ranked_and_constant_ones_correlate_with_nothing():
    assert rank_correlation([1, 2, 3, 4, np.inf], [1, 2, 3, 4, 5]).value == pytest.approx(1)
    constant = rank_correlation([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])
    assert (constant.value, constant.sign) == (0, 0)
