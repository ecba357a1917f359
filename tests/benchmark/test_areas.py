"""Areas under ROC curves, with intervals over the examples that their scores stem from."""

import math

import numpy as np
import pytest

from benchmark.statistics import Z95, Positives, auroc, mean_area, placements, wilson


def made_up(n=60, attacked=40, shift=1.0, paired=0.7, seed=0):
    rng = np.random.default_rng(seed)
    clean = rng.standard_normal(n)
    found = shift + paired * clean[:attacked]
    found += math.sqrt(1 - paired**2) * rng.standard_normal(attacked)
    return found, clean


def of(found, clean):
    return mean_area([Positives(found, np.arange(len(found)))], clean)


def test_placements_are_shares_of_pairs_with_ties_counting_half():
    assert placements([0.0, 1.0, 3.0], [1.0, 2.0]).tolist() == [0.0, 0.25, 1.0]
    found, clean = np.round(made_up()[0], 1), np.round(made_up()[1], 1)
    pairs = (found[:, None] > clean) + 0.5 * (found[:, None] == clean)
    assert placements(found, clean) == pytest.approx(pairs.mean(1))
    assert auroc(found, clean) == pytest.approx(pairs.mean())
    assert 1 - placements(clean, found).mean() == pytest.approx(pairs.mean())


def test_the_mean_over_attacks_is_that_of_their_areas_over_the_same_examples():
    found, clean = made_up()
    groups = [Positives(found[:30], np.arange(30)), Positives(found[20:25] + 1, np.arange(20, 25))]
    score = mean_area(groups, clean)
    areas = [auroc(each.scores, clean) for each in groups]
    assert score.value == pytest.approx(np.mean(areas))
    assert score.n == 30  # examples, not images


@pytest.mark.parametrize("paired", [0.0, 0.9])
def test_near_the_area_the_interval_is_the_jackknife_s(paired):
    """The pairing makes it narrower; leaving out one example leaves out both of its scores."""
    found, clean = made_up(300, 300, 0.5, paired)
    without = [auroc(np.delete(found, k), np.delete(clean, k)) for k in range(300)]
    error = math.sqrt(299 / 300 * np.var(without) * 300)
    score = of(found, clean)
    assert (score.high - score.low) / (2 * Z95 * error) == pytest.approx(1, abs=0.02)


def test_examples_that_were_not_attacked_are_negatives_alone():
    found, clean = made_up(400, 40, paired=0.0)
    few = of(found, clean[:40])
    many = of(found, clean)
    assert many.n == few.n == 40
    assert many.high - many.low < few.high - few.low


@pytest.mark.parametrize(("attacked", "n"), [(1, 1), (8, 16), (49, 49), (50, 360)])
def test_with_all_pairs_in_order_the_interval_is_wilson_s_for_both_parts(attacked, n):
    score = of(np.full(attacked, 9.0), np.arange(n) / n)
    lowest = 1 / (1 + Z95**2 * (1 / attacked + 1 / n))
    assert (score.value, score.high) == (1.0, 1.0)
    assert score.low == pytest.approx(lowest, abs=1e-6)
    assert score.low < wilson(1.0, attacked).low
    none = of(np.full(attacked, -9.0), np.arange(n) / n)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(1 - lowest, abs=1e-6)


def test_one_pair_out_of_order_hardly_changes_the_interval():
    found, clean = np.full(50, 9.0), np.arange(360) / 360
    all_in_order = of(found, clean)
    clean[100] = 10.0
    found[:49] = 11.0
    assert of(found, clean).value == pytest.approx(1 - 1 / 18000)
    assert of(found, clean).low == pytest.approx(all_in_order.low, abs=0.02)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_scores_that_no_attack_moves_have_no_interval_of_zero_width(n):
    """Every example's parts cancel, so that the jackknife's variance is exactly 0."""
    clean = np.random.default_rng(0).standard_normal(n)
    score = of(clean, clean)
    assert score.value == 0.5
    assert 0 <= score.low < 0.5 - 0.1 / n < 0.5 + 0.1 / n < score.high <= 1


def test_scores_that_are_all_the_same_have_no_interval_of_zero_width():
    few, more = of(np.zeros(3), np.zeros(7)), of(np.zeros(30), np.zeros(70))
    assert few.value == more.value == 0.5
    assert few.low < more.low < 0.49 < 0.51 < more.high < few.high


def test_turning_all_scores_turns_the_interval():
    found, clean = made_up(shift=2.0)
    one, other = of(found, clean), of(-found, -clean)
    assert other.value == pytest.approx(1 - one.value)
    assert (other.low, other.high) == pytest.approx((1 - one.high, 1 - one.low), abs=1e-8)
