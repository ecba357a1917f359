"""Every kind of interval covers what it estimates about as often as it says, by simulation."""

import math

import numpy as np
import pytest

from benchmark.statistics import mean, median, proportion, wilson
from leaderboard.effects import difference, paired_means, paired_shares, rank_correlation

TIMES = 2000
ABOUT = (0.935, 0.965)
"""Four standard errors of a share of 2,000 around 95% are 2 points; what is exact keeps to less."""


def covered(interval, draw, truth, times=TIMES):
    """The share of simulations whose interval holds the truth; one seed for all."""
    rng = np.random.default_rng(16)
    found = (interval(draw(rng)) for _ in range(times))
    return sum(each.low <= truth <= each.high for each in found) / times


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 10, 20, 50, 200, 1000])
def test_means_over_draws(n):
    share = covered(mean, lambda rng: 3 + 0.5 * rng.standard_normal(n), 3)
    assert ABOUT[0] <= share <= ABOUT[1]


@pytest.mark.parametrize("n", [100, 1000])
def test_means_over_examples_whose_losses_are_skewed(n):
    share = covered(mean, lambda rng: rng.exponential(size=n), 1)
    assert 0.93 <= share <= 0.97


@pytest.mark.parametrize("n", [6, 7, 8, 9, 10, 15, 30, 99, 100, 1000])
@pytest.mark.parametrize("kind", ["normal", "skewed"])
def test_medians(kind, n):
    if kind == "normal":
        share = covered(median, lambda rng: rng.standard_normal(n), 0)
    else:
        share = covered(median, lambda rng: rng.exponential(size=n), math.log(2))
    assert 0.93 <= share <= 0.97


@pytest.mark.parametrize("n", [20, 50, 100, 200, 1000])
def test_shares_on_average_over_what_they_may_be(n):
    def draw(rng):
        truth.append(rng.random())
        return rng.random(n) < truth[-1]

    truth: list[float] = []
    rng, hits = np.random.default_rng(16), 0
    for _ in range(TIMES):
        score = proportion(draw(rng))
        hits += score.low <= truth[-1] <= score.high
    assert 0.93 <= hits / TIMES <= 0.97


def test_shares_over_clusters_are_covered_at_least_as_often():
    """Each example is tried five times, with a rate of its own; n is the number of examples."""

    def draw(rng):
        rates = rng.beta(2, 2, size=(60, 1))
        return (rng.random((60, 5)) < rates).mean()

    assert covered(lambda share: wilson(share, 60), draw, 0.5) >= 0.945


@pytest.mark.parametrize("n", [20, 50, 200])
def test_paired_differences_of_shares(n):
    def draw(rng):
        first = rng.random(n) < 0.7
        return first, np.where(rng.random(n) < 0.4, rng.random(n) < 0.5, first)

    share = covered(lambda both: paired_shares(*both), draw, 0.08, times=800)
    assert 0.93 <= share <= 0.97


@pytest.mark.parametrize("n", [2, 5, 10, 100])
def test_paired_differences_of_means(n):
    def draw(rng):
        hard = rng.exponential(size=n)
        return hard + 0.2 + 0.1 * rng.standard_normal(n), hard

    assert 0.93 <= covered(lambda both: paired_means(*both), draw, 0.2, times=600) <= 0.97


@pytest.mark.parametrize("n", [2, 5, 10, 30])
def test_differences_of_independent_means_are_covered_at_least_as_often(n):
    """The two intervals' own ends are combined: too wide, rather than too narrow, for few draws."""

    def draw(rng):
        return mean(rng.standard_normal(n)), mean(1 + 3 * rng.standard_normal(n))

    assert covered(lambda both: difference(*both), draw, -1) >= 0.94


def test_differences_of_independent_shares():
    def draw(rng):
        return proportion(rng.random(80) < 0.8), proportion(rng.random(120) < 0.55)

    assert 0.93 <= covered(lambda both: difference(*both), draw, 0.25) <= 0.97


@pytest.mark.parametrize("n", [6, 8, 12, 20])
@pytest.mark.parametrize("related", [0.0, 0.5, 0.9])
def test_rank_correlations(n, related, monkeypatch):
    monkeypatch.setattr("leaderboard.effects.MAX_PERMUTATIONS", 1)  # the test is not asked for here
    truth = 6 / math.pi * math.asin(related / 2)

    def draw(rng):
        x = rng.standard_normal(n)
        return x, related * x + math.sqrt(1 - related**2) * rng.standard_normal(n)

    share = covered(lambda both: rank_correlation(*both), draw, truth, times=400)
    assert 0.93 <= share <= (1 if n == 6 else 0.98)  # few ranks can be told apart among six


@pytest.mark.parametrize("statistic", [mean, median])
def test_one_value_says_nothing_of_how_others_scatter(statistic):
    score = statistic([7.0])
    assert (score.value, score.n, score.low, score.high) == (7.0, 1, -math.inf, math.inf)


@pytest.mark.parametrize("n", range(1, 6))
def test_fewer_than_six_values_do_not_bound_their_median(n):
    score = median(np.arange(n))
    assert (score.low, score.high) == (-math.inf, math.inf)


def test_infinite_values_do_not_make_a_median_s_interval_undefined():
    score = median([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, math.inf, math.inf, math.inf])
    assert (score.value, score.high) == (5.5, math.inf)
    assert 2.0 <= score.low <= 3.0
    assert median([math.inf] * 9).low == math.inf
