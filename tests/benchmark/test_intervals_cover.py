"""Every kind of interval covers what it estimates about as often as it says, by simulation."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from benchmark.datasets import load_dataset
from benchmark.interval_kinds import INTERVALS, WITHOUT
from benchmark.objectives import cross_entropy
from benchmark.probes import PROBES
from benchmark.statistics import (
    Positives,
    Resamples,
    bounded_mean,
    deviation,
    deviation_ratio,
    mean,
    mean_area,
    mean_loss,
    mean_over_pairs,
    median,
    paired_means,
    paired_shares,
    proportion,
    wilson,
)
from benchmark.subject import Subject
from leaderboard.effects import difference, rank_correlation
from models_zoo import load_model

TIMES = 2000
ERROR = 4 * math.sqrt(0.95 * 0.05 / TIMES)
"""Four standard errors of a share of 2,000 that is 95%: 2 points."""

ABOUT = (0.95 - ERROR, 0.95 + ERROR)


def covered(interval, draw, truth, times=TIMES):
    """The share of simulations whose interval holds the truth; one seed for all."""
    rng = np.random.default_rng(16)
    found = (interval(draw(rng)) for _ in range(times))
    return sum(each.low <= truth <= each.high for each in found) / times


@pytest.fixture(scope="module")
def losses():
    """Clean cross-entropies of bundled models on the 600 test images of digits, by model."""
    data = load_dataset("digits")
    names = ("mlp-standard", "mlp-pgd-at", "mlp-trades", "mlp-label-smoothing", "cnn-pgd-at")
    found = {}
    for name in names:
        subject = Subject(load_model(f"digits/{name}").eval(), data.images, data.labels)
        found[name] = cross_entropy(subject.logits(), subject.labels).double().numpy()
    return found


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 10, 20, 50, 200, 1000])
def test_means_over_draws(n):
    share = covered(mean, lambda rng: 3 + 0.5 * rng.standard_normal(n), 3)
    assert ABOUT[0] <= share <= ABOUT[1]


@pytest.mark.parametrize("kind", ["normal", "shares"])
def test_deviations_over_twenty_draws_and_their_ratios(kind):
    n = 20

    def draw(rng):
        if kind == "normal":
            return rng.standard_normal((2, n)) * [[2.0], [0.5]]
        return rng.binomial(100, 0.8, (2, n)) / 100

    truth, ratio = {"normal": (2.0, 4.0), "shares": (0.04, 1.0)}[kind]
    share = covered(lambda both: deviation(both[0]), draw, truth, times=400)
    assert share >= 0.95 - 2.3 * ERROR  # of 400 simulations
    share = covered(lambda both: deviation_ratio(*both), draw, ratio, times=400)
    assert share >= 0.95 - 2.3 * ERROR


@pytest.mark.parametrize("n", [5, 20])
def test_means_over_pairs_of_draws(n):
    def draw(rng):
        drawn = rng.standard_normal((n, 4)) + 1
        return drawn @ drawn.T

    assert covered(mean_over_pairs, draw, 4.0, times=600) >= 0.95 - 2 * ERROR


@pytest.mark.parametrize("n", [12, 50, 150, 360, 1000])
def test_mean_losses_of_real_models(losses, n):
    """Nearly all of the loss is on a few of the 600 examples; Student's interval misses it."""
    shares, students = [], []
    for values in losses.values():
        truth = values.mean()

        def draw(rng, values=values):
            return values[rng.integers(0, len(values), n)]

        shares.append(covered(lambda each: mean_loss(each, 10), draw, truth, times=300))
        students.append(covered(mean, draw, truth, times=300))
    assert min(shares) >= 0.95 - 2.6 * ERROR  # of 300 simulations
    assert np.mean(shares) >= 0.95 - ERROR
    if n <= 150:
        assert np.mean(students) < 0.9


@pytest.mark.parametrize("n", [12, 100, 1000])
@pytest.mark.parametrize("scale", [0.02, 1.0])
def test_mean_losses_that_are_less_skewed(n, scale):
    share = covered(
        lambda each: mean_loss(each, 10), lambda rng: scale * rng.exponential(size=n), scale
    )
    assert share >= ABOUT[0]


def capped_lognormal(mu, sigma):
    """The mean of a lognormal number, or of 1 where it is larger."""
    below = ndtr((-mu - sigma**2) / sigma) * math.exp(mu + sigma**2 / 2)
    return float(below + ndtr(mu / sigma))


BETWEEN_0_AND_1 = {
    "even": (lambda rng, size: rng.random(size), 0.5),
    "ends": (lambda rng, size: rng.beta(0.3, 0.3, size), 0.5),
    "nearly all 1": (
        lambda rng, size: np.where(rng.random(size) < 0.95, 1, rng.random(size)),
        0.975,
    ),
    "capped distances": (
        lambda rng, size: np.minimum(rng.lognormal(-1.5, 0.8, size), 1),
        capped_lognormal(-1.5, 0.8),
    ),
}
"""Draws, and the mean of what is drawn."""


@pytest.mark.parametrize("n", [12, 200])
@pytest.mark.parametrize("kind", BETWEEN_0_AND_1)
def test_means_of_values_between_0_and_1(n, kind):
    draw, truth = BETWEEN_0_AND_1[kind]
    share = covered(bounded_mean, lambda rng: draw(rng, n), truth, times=400)
    assert share >= 0.95 - 2.3 * ERROR  # of 400 simulations
    if n > 12:
        assert share <= 0.95 + 2.3 * ERROR


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
    assert ABOUT[0] <= hits / TIMES <= ABOUT[1]


def test_shares_over_clusters_are_covered_at_least_as_often():
    """Each example is tried five times, with a rate of its own; n is the number of examples."""

    def draw(rng):
        rates = rng.beta(2, 2, size=(60, 1))
        return (rng.random((60, 5)) < rates).mean()

    assert covered(lambda share: wilson(share, 60), draw, 0.5) >= 0.945


def exactly_covered(n, differ, gain):
    """Coverage of paired shares by enumeration, where a share ``differ`` of examples differs."""
    gained, lost = np.mgrid[: n + 1, : n + 1]
    possible = gained + lost <= n
    gained, lost = gained[possible], lost[possible]
    p, q = differ * gain, differ * (1 - gain)
    logs = np.array([math.lgamma(k + 1) for k in range(n + 1)])
    chance = np.exp(
        logs[n] - logs[gained] - logs[lost] - logs[n - gained - lost]
        + gained * math.log(p) + lost * math.log(q) + (n - gained - lost) * math.log1p(-differ)
    )  # fmt: skip
    likely = chance > 1e-7
    found = 0.0
    for up, down, weight in zip(gained[likely], lost[likely], chance[likely], strict=True):
        first = np.repeat([True, False, True], [up, down, n - up - down])
        second = np.repeat([False, True, True], [up, down, n - up - down])
        effect = paired_shares(first, second)
        found += weight * (effect.low <= p - q <= effect.high)
    return found


@pytest.mark.parametrize("n", [12, 50])
@pytest.mark.parametrize("differ", [0.05, 0.2, 0.5])
def test_paired_differences_of_shares_are_covered_by_enumeration(n, differ):
    for gain in (0.5, 0.75, 0.999999):
        assert exactly_covered(n, differ, gain) >= 0.93


@pytest.mark.parametrize("n", [100, 360])
def test_paired_differences_of_shares(n):
    def draw(rng):
        first = rng.random(n) < 0.7
        return first, np.where(rng.random(n) < 0.4, rng.random(n) < 0.5, first)

    share = covered(lambda both: paired_shares(*both), draw, 0.08)
    assert ABOUT[0] <= share <= ABOUT[1]


@pytest.mark.parametrize("n", [5, 10, 100, 600])
@pytest.mark.parametrize("most", [1.0, math.inf])
def test_paired_differences_of_means_are_covered_at_least_as_often(n, most):
    def draw(rng):
        hard = rng.random(n)
        return 0.8 * hard + 0.2 * rng.random(n), hard

    share = covered(lambda both: paired_means(both[0], both[1], most), draw, 0.0)
    assert share >= ABOUT[0]
    if n >= 100:
        assert share <= ABOUT[1]


@pytest.mark.parametrize("n", [4, 5, 10, 20])
def test_differences_of_means_paired_over_seeds_are_covered_at_least_as_often(n):
    """Each seed gives both recalls, which share most of their scatter."""

    def draw(rng):
        seed = 0.1 * rng.standard_normal(n)
        return [0.6 + seed + 0.05 * rng.standard_normal(n), 0.5 + seed]

    share = covered(lambda both: paired_means(both[0], both[1], 1), draw, 0.1)
    assert share >= ABOUT[0]
    if n >= 10:
        assert share <= 0.985


def adversarial(n, attacked, shift, paired, attacks, rng):
    """Scores of ``n`` clean images, and of those of the first that each attack found."""
    clean, own = rng.standard_normal(n), rng.standard_normal(attacked)
    found = []
    for _ in range(attacks):
        noise = 0.8 * own + 0.6 * rng.standard_normal(attacked)
        scores = shift + paired * clean[:attacked] + math.sqrt(1 - paired**2) * noise
        kept = np.flatnonzero(rng.random(attacked) < (1 if attacks == 1 else 0.6))
        if len(kept):
            found.append(Positives(scores[kept], kept))
    return found, clean


@pytest.mark.parametrize(
    ("n", "attacked", "paired", "attacks", "shift"),
    [(12, 12, 0.7, 1, 2.5), (60, 15, 0.0, 1, 4.0), (60, 40, 0.7, 3, 1.0), (40, 40, 0.95, 1, 0.0)],
)
def test_areas_whose_positives_stem_from_the_negatives(n, attacked, paired, attacks, shift):
    times, truth = 150, float(ndtr(shift / math.sqrt(2)))

    def draw(rng):
        return adversarial(n, attacked, shift, paired, attacks, rng)

    share = covered(lambda both: mean_area(*both), draw, truth, times)
    assert share >= 0.95 - 3.7 * ERROR / 2  # of 150 simulations


@pytest.mark.parametrize("n", [2, 5, 10, 30])
def test_differences_of_independent_means_are_covered_at_least_as_often(n):
    """The two intervals' own ends are combined: too wide, rather than too narrow, for few draws."""

    def draw(rng):
        return mean(rng.standard_normal(n)), mean(1 + 3 * rng.standard_normal(n))

    assert covered(lambda both: difference(*both), draw, -1) >= 0.94


def test_differences_of_independent_shares():
    def draw(rng):
        return proportion(rng.random(80) < 0.8), proportion(rng.random(120) < 0.55)

    assert ABOUT[0] <= covered(lambda both: difference(*both), draw, 0.25) <= ABOUT[1]


@pytest.mark.parametrize("n", [6, 8, 12, 20])
@pytest.mark.parametrize("related", [0.0, 0.5, 0.9])
def test_rank_correlations(n, related):
    truth = 6 / math.pi * math.asin(related / 2)

    def draw(rng):
        x = rng.standard_normal(n)
        return x, related * x + math.sqrt(1 - related**2) * rng.standard_normal(n)

    share = covered(lambda both: rank_correlation(*both), draw, truth, times=400)
    assert 0.93 <= share <= (1 if n == 6 else 0.985)  # few ranks can be told apart among six


@pytest.mark.parametrize("statistic", [mean, median, lambda values: mean_loss(values, 10)])
def test_one_value_says_nothing_of_how_others_scatter(statistic):
    score = statistic([7.0])
    assert (score.value, score.n, score.low, score.high) == (7.0, 1, -math.inf, math.inf)


@pytest.mark.parametrize("n", [2, 12, 100])
@pytest.mark.parametrize("same", [0.0, 0.3, 1.0])
def test_equal_values_have_no_interval_of_zero_width(n, same):
    values = np.full(n, same)
    draws, loss, bounded = mean(values), mean_loss(values, 10), bounded_mean(values)
    assert (draws.low, draws.high) == (-math.inf, math.inf)
    assert 0 <= loss.low <= same < loss.high < math.inf
    assert 0 <= bounded.low <= same <= bounded.high <= 1
    assert bounded.low < bounded.high
    if same == 1.0:
        assert bounded.low == pytest.approx(wilson(1.0, n).low)
        assert loss.low < 1
    paired = paired_means(values, values, 1)
    assert paired.low < 0 < paired.high


@pytest.mark.parametrize("n", [1, 12, 100])
def test_the_score_interval_of_zeros_and_ones_is_wilson_s(n):
    for right in {0, 1, n // 3, n}:
        values = np.arange(n) < right
        bounded, share = bounded_mean(values), proportion(values)
        assert (bounded.low, bounded.high) == pytest.approx((share.low, share.high), abs=1e-9)


def test_losses_are_never_negative(losses):
    rng = np.random.default_rng(0)
    for values in losses.values():
        for n in (2, 5, 12, 40):
            score = mean_loss(values[rng.integers(0, len(values), n)], 10)
            assert 0 <= score.low < score.value < score.high < math.inf


@pytest.mark.parametrize("n", range(1, 6))
def test_fewer_than_six_values_do_not_bound_their_median(n):
    score = median(np.arange(n))
    assert (score.low, score.high) == (-math.inf, math.inf)


def test_infinite_values_do_not_make_a_median_s_interval_undefined():
    score = median([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, math.inf, math.inf, math.inf])
    assert (score.value, score.high) == (5.5, math.inf)
    assert 2.0 <= score.low <= 3.0
    assert median([math.inf] * 9).low == math.inf


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_what_is_not_finite_bounds_no_mean(bad):
    for statistic in (mean, lambda values: mean_loss(values, 10)):
        score = statistic([1.0, 2.0, bad])
        assert (score.low, score.high) == (-math.inf, math.inf)


@pytest.mark.parametrize("n", [30, 100, 400])
def test_statistics_of_several_accuracies_of_the_same_examples(n):
    """Examples are more or less difficult under all conditions at once; one condition is worst."""
    shifts = np.linspace(0.0, 2.0, 6)
    truth = ndtr(shifts / math.sqrt(2))

    def draw(rng):
        difficulty, own = rng.standard_normal(n), rng.standard_normal((6, n))
        return Resamples(difficulty + own + shifts[:, None] > 0, rng, 200)

    for statistic in (
        lambda each: each.min(axis=-1),
        lambda each: each[..., :-1].mean(axis=-1) / np.maximum(each[..., -1], 1 / n),
    ):
        right = covered(lambda each, of=statistic: each.score(of), draw, statistic(truth), 300)
        assert right >= 0.95 - 2.6 * ERROR  # of 300 simulations


def test_the_same_outcomes_everywhere_still_have_an_interval():
    for value in (True, False):
        resamples = Resamples(np.full((3, 40), value), np.random.default_rng(0), 200)
        score = resamples.score(lambda each: each.mean(axis=-1))
        assert score.value == value
        assert 0.02 < score.high - score.low < 0.2


def test_every_score_says_which_interval_it_has_or_why_none():
    for name, probe in PROBES.items():
        for score, spec in probe.scores.items():
            assert spec.interval in {**INTERVALS, **WITHOUT}, f"{name}.{score}"
