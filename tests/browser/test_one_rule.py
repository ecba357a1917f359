"""Two models differ on every page, in every table and in Python by the same rule."""

from __future__ import annotations

from base64 import b64encode

import numpy as np
import pytest

from benchmark.statistics import bounded_mean, differs, paired_means, paired_shares, proportion
from leaderboard.board.ranking import discordant, rank_models

TO = "\N{EN DASH}"
PAIRS = 4_000
PLACES = {1: ("1", "2"), 0: (f"1{TO}2", f"1{TO}2"), -1: ("2", "1")}
SIZES = (7, 12, 60, 360, 1000)
FEWER = 600
"""Of the pairs, where each costs much: the means of 16 have p-values from 0.045 to 0.055."""


def random_pairs():
    """Pairs of outcomes from nearly the same to unrelated, where the rule is often close."""
    draws = np.random.default_rng(19)
    for number in range(PAIRS):
        n = SIZES[number % len(SIZES)]
        first = draws.random(n) < draws.random()
        changed = draws.random(n) < draws.random() ** 3
        yield first, np.where(changed, draws.random(n) < draws.random(), first)


def packed(bits):
    return np.packbits(bits).tobytes()


def base64(bits):
    return b64encode(packed(bits)).decode()


@pytest.fixture(scope="module")
def pairs():
    return list(random_pairs())


@pytest.fixture(scope="module")
def effects(pairs):
    return [paired_shares(first, second) for first, second in pairs]


def test_the_interval_the_p_value_and_the_whole_numbers_say_the_same(pairs, effects):
    signs = {-1: 0, 0: 0, 1: 0}
    for (first, second), effect in zip(pairs, effects, strict=True):
        gained, lost = discordant(packed(first), packed(second))
        expected = int(np.sign(gained - lost)) if differs(gained, lost) else 0
        assert effect.sign == expected
        assert (effect.p < 0.05) == (expected != 0)
        assert -1 <= effect.low <= effect.value <= effect.high <= 1
        assert effect.low < effect.high
        signs[expected] += 1
    assert min(signs.values()) > PAIRS / 20  # all of the three are tried


def test_a_ranking_of_two_is_a_range_unless_they_differ(pairs, effects):
    for (first, second), effect in zip(pairs, effects, strict=True):
        ranking = rank_models([packed(first), packed(second)], len(first))
        one, other = ranking.ranks
        assert one is not None
        assert other is not None
        assert ranking.distinct == abs(effect.sign) == ranking.corrected
        if effect.sign:
            better, worse = (one, other) if effect.sign > 0 else (other, one)
            assert (better.text, worse.text) == ("1", "2")
        else:
            assert one.text == other.text == f"1{TO}2"


def test_the_pages_decide_as_the_package_does(open_page, pairs, effects):
    page = open_page("compare.html")
    asked = [[base64(first), base64(second), len(first)] for first, second in pairs]
    found = page.evaluate(
        """pairs => pairs.map(([a, b, n]) => {
          const { bytes, pairedShares, sign } = nonsingular.statistics;
          const effect = pairedShares(bytes(a), bytes(b), n);
          return [sign(effect), nonsingular.comparison.verdict(effect, true),
            effect.value, effect.low, effect.high, effect.p];
        })""",
        asked,
    )
    words = {1: "better", 0: "cannot tell", -1: "worse"}
    for effect, (sign, verdict, *numbers) in zip(effects, found, strict=True):
        assert (sign, verdict) == (effect.sign, words[effect.sign])
        wanted = (effect.value, effect.low, effect.high, effect.p)
        assert numbers == pytest.approx(wanted, abs=1e-9)


OWN_THREATS = """({cases, by}) => cases.map(([threats, n]) => {
  const keys = threats.map((_, place) => String(place));
  const payload = {
    examples: n,
    threats: keys.map((key) => ({ key, outcomes: threats[key], missing: [] })),
  };
  const own = nonsingular.threats.evaluate(payload, keys, by, 2, "none");
  const places = [0, 1].map((row) => own.placeOf(row).text);
  return [...places, own.average.intervalOf(0), own.worst.intervalOf(0)];
})"""


@pytest.mark.parametrize("by", ["worst", "average"])
def test_a_threat_set_of_one_decides_as_the_package_does(open_page, pairs, effects, by):
    pairs, effects = pairs[: 5 * FEWER], effects[: 5 * FEWER]
    joined = [b64encode(packed(first) + packed(second)).decode() for first, second in pairs]
    cases = [[[text], len(first)] for text, (first, _) in zip(joined, pairs, strict=True)]
    found = open_page("index.html").evaluate(OWN_THREATS, {"cases": cases, "by": by})
    for (first, _), effect, (one, other, average, worst) in zip(pairs, effects, found, strict=True):
        assert (one, other) == PLACES[effect.sign]
        score = proportion(first)
        shown = f"{100 * score.low:.1f}{TO}{100 * score.high:.1f}"
        assert worst == shown
        assert average == shown  # one number has one interval


def test_averages_over_threats_are_paired_means(open_page, pairs):
    draws = np.random.default_rng(3)
    cases, expected = [], []
    for first, second in pairs[:FEWER]:
        outcomes = [(first & (draws.random(len(first)) < 0.9), second) for _ in range(3)]
        texts = [b64encode(packed(one) + packed(other)).decode() for one, other in outcomes]
        cases.append([texts, len(first)])
        one, other = (np.mean(each, axis=0) for each in zip(*outcomes, strict=True))
        score = bounded_mean(one)
        ends = f"{100 * score.low:.1f}{TO}{100 * score.high:.1f}"
        expected.append((paired_means(one, other, most=1), ends))
    found = open_page("index.html").evaluate(OWN_THREATS, {"cases": cases, "by": "average"})
    for (effect, ends), (one, other, average, _) in zip(expected, found, strict=True):
        assert (one, other) == PLACES[effect.sign]
        assert average == ends


def test_a_threat_set_ranks_many_models_as_the_package_does(open_page):
    draws = np.random.default_rng(5)
    n, hardness = 300, draws.random(300)
    rows = [draws.random(n) * 0.5 + hardness * 0.5 < level for level in draws.random(60)]
    ranking = rank_models([packed(row) for row in rows], n)
    text = b64encode(b"".join(map(packed, rows))).decode()
    found = open_page("index.html").evaluate(
        """([text, n, models]) => {
          const payload = { examples: n, threats: [{ key: "0", outcomes: text, missing: [] }] };
          const own = nonsingular.threats.evaluate(payload, ["0"], "worst", models, "none");
          return Array.from({ length: models }, (_, row) => own.placeOf(row));
        }""",
        [text, n, len(rows)],
    )
    for rank, place in zip(ranking.ranks, found, strict=True):
        assert rank is not None
        assert place["text"] == rank.text
        assert (place["better"], place["worse"], place["tied"]) == (
            rank.better,
            rank.worse,
            rank.tied,
        )
        assert tuple(place["nearest"]) == rank.nearest
        assert place["widened"] == rank.widened
