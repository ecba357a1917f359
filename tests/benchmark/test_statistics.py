"""Intervals, the headline's intersection, and the report as JSON."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import evaluate
from benchmark.headline import headline_probes, nonsingular
from benchmark.report import Report
from benchmark.results import ProbeResult, Provenance
from benchmark.statistics import exact, mean, proportion


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # Wilson's formula by hand: z^2 = 3.841459; 0 of 10 gives [0, z^2 / (10 + z^2)].
        (0, 10, 0.0, 3.841459 / 13.841459),
        (10, 10, 10 / 13.841459, 1.0),
        # Published examples: 81 of 263 (Newcombe 1998, method 3) and 15 of 148.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_wilson_s_interval(successes, n, low, high):
    score = proportion(np.arange(n) < successes)
    assert score.value == successes / n
    assert score.n == n
    assert score.low == pytest.approx(low, abs=5e-5)
    assert score.high == pytest.approx(high, abs=5e-5)


@settings(derandomize=True)
@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_a_proportion_lies_in_its_interval_and_that_in_the_unit_interval(outcomes):
    score = proportion(outcomes)
    assert 0 <= score.low <= score.value <= score.high <= 1
    assert score.low < score.high


def test_the_mean_s_interval():
    score = mean([1.0, 2.0, 3.0, 4.0])
    assert (score.value, score.n) == (2.5, 4)
    half = 3.182446305284263 * math.sqrt(5 / 3) / 2  # Student's t with three degrees of freedom
    assert score.low == pytest.approx(2.5 - half)
    assert score.high == pytest.approx(2.5 + half)
    assert exact(0.3, 9).low == exact(0.3, 9).high == 0.3


def answers(**outcomes):
    return {
        probe: ProbeResult(
            probe=probe,
            scores={"robust_accuracy": proportion(bits)},
            outcomes={"headline": np.array(bits, dtype=bool)},
        )
        for probe, bits in outcomes.items()
    }


FOUR = {
    "clean": [1, 1, 1, 1, 0],
    "input": [1, 1, 0, 1, 0],
    "weight": [1, 0, 1, 1, 0],
    "joint": [1, 0, 0, 0, 1],
}


def test_draws_that_differ_by_rounding_have_no_interval():
    gains = [0.3 - 0.2, 0.2 - 0.1]
    assert gains[0] != gains[1]
    assert mean(gains).low == -math.inf
    assert mean([0.1, 0.1 + 1e-9]).low > 0


def test_the_headline_is_the_intersection():
    headline = nonsingular(answers(**FOUR))
    assert headline is not None
    assert headline.outcomes["headline"].tolist() == [True, False, False, False, False]
    assert headline.scores["robust_accuracy"].value == 0.2


@pytest.mark.parametrize("missing", headline_probes())
def test_without_one_part_there_is_no_headline(missing):
    rest = {probe: bits for probe, bits in FOUR.items() if probe != missing}
    assert nonsingular(answers(**rest)) is None


def test_a_report_is_valid_json_with_null_for_infinity():
    provenance = Provenance(
        fingerprint="f" * 64,
        data_sha256="d" * 64,
        examples=5,
        battery="test-v1",
        battery_sha256="b" * 64,
        seed=0,
        device="cpu",
        threads=1,
        versions={},
        created="2026-01-02T03:04:05+00:00",
    )
    backdoor = ProbeResult(probe="backdoor", scores={"smallest_budget": exact(math.inf, 5)})
    report = Report(provenance, answers(**FOUR) | {"backdoor": backdoor})
    text = json.dumps(report.to_json(), allow_nan=False)
    content = json.loads(text)
    score = content["results"]["backdoor"]["scores"]["smallest_budget"]
    assert score["value"] is None
    assert score["text"] == "none found"
    assert content["results"]["input"]["outcomes"]["headline"] == "11010"
    assert content["results"]["nonsingular"]["scores"]["robust_accuracy"]["value"] == 0.2
    assert content["provenance"]["battery"] == "test-v1"
    assert report.scores["backdoor.smallest_budget"] == math.inf
    assert "backdoor" not in report.per_example


def test_a_real_report_says_where_it_comes_from(zoo, digits, battery):
    model, data = zoo("digits/mlp-standard"), digits.head(10)
    report = evaluate(model, data.images, data.labels, battery(), ["clean"], seed=4)
    found = report.provenance
    assert found.fingerprint == model.fingerprint
    assert found.checkpoint_sha256 == model.card.sha256
    assert found.data_sha256 == data.sha256
    assert found.battery_sha256 == battery().sha256
    assert (found.examples, found.seed, found.device) == (10, 4, "cpu")
    assert {"python", "torch", "numpy", "nonsingular"} <= set(found.versions)
    json.dumps(report.to_json(), allow_nan=False)
