"""What the compare page is given of each model, and of all of them."""

from __future__ import annotations

import json
from base64 import b64decode

import numpy as np
import pytest

from benchmark.budgets import Budget
from benchmark.results import Score
from benchmark.statistics import proportion
from benchmark.threats import InputThreat
from leaderboard.board import make_boards
from leaderboard.charts.svg import Painter
from leaderboard.pages.comparison import (
    comparison_payload,
    evaluation_key,
    index_payload,
    write_comparison,
)
from leaderboard.store import encoding


@pytest.fixture
def one(made_up, store):
    """Saves answers of one model and gives back its data."""

    def saved(results, card=None, **changes):
        battery = made_up.Battery()
        provenance = made_up.provenance(battery, **changes)
        for result in results:
            store.save(card or made_up.card(), provenance, battery, result)
        return comparison_payload(store.entries())

    return saved


def test_outcomes_come_back_example_by_example(one, made_up):
    results = made_up.results(0.3)
    (evaluation,) = one(results.values())["evaluations"]
    for probe in ("clean", "input", "weight", "joint", "input-autoattack"):
        packed = b64decode(evaluation["outcomes"][f"{probe}.headline"])
        bits = encoding.unpack(packed, 200)
        np.testing.assert_array_equal(bits, results[probe].outcomes["headline"])
    parts = [results[p].outcomes["headline"] for p in ("clean", "input", "weight", "joint")]
    packed = b64decode(evaluation["outcomes"]["nonsingular.headline"])
    np.testing.assert_array_equal(encoding.unpack(packed, 200), np.logical_and.reduce(parts))


def test_a_score_names_the_outcome_it_is_the_share_of(one, made_up):
    (evaluation,) = one(made_up.results(0.3).values())["evaluations"]
    for key, (value, *_, outcome) in evaluation["scores"].items():
        if outcome is not None:
            bits = encoding.unpack(b64decode(evaluation["outcomes"][outcome]), 200)
            assert bits.mean() == pytest.approx(value, abs=1e-12), key
    paired = {key for key, score in evaluation["scores"].items() if score[-1]}
    assert paired == {
        "nonsingular.robust_accuracy",
        "clean.accuracy",
        "input.robust_accuracy",
        "input.robust_accuracy_l2",
        "weight.robust_accuracy",
        "joint.robust_accuracy",
        "input-autoattack.robust_accuracy",
    }


def test_the_l2_score_is_paired_at_its_own_budget(one, made_up):
    asked = made_up.results(0.3)["input"]
    robust = {"any name": np.arange(200) < 180, "another": np.arange(200) < 120}
    l2 = {
        name: made_up.about("budget", InputThreat("l2", Budget(eps)))
        for name, eps in zip(robust, (0.3, 0.6), strict=True)
    }
    changed = asked.model_copy(
        update={
            "scores": asked.scores | {"robust_accuracy_l2": proportion(robust["another"])},
            "outcomes": {"headline": asked.outcomes["headline"]} | robust,
            "outcome_kinds": {"headline": asked.outcome_kinds["headline"]} | l2,
            "share_of": {"robust_accuracy_l2": "another"},
        }
    )
    (evaluation,) = one([changed])["evaluations"]
    assert evaluation["scores"]["input.robust_accuracy_l2"][-1] == "input.another"
    assert evaluation["budgets"] == {"input.any name": "l2 0.3", "input.another": "l2 0.6"}


def test_an_outcome_that_is_not_what_the_score_counts_is_not_paired_with_it(one, made_up):
    clean = made_up.results()["clean"]
    other = clean.scores | {"accuracy": Score(value=0.5, n=200, low=0.4, high=0.6)}
    (evaluation,) = one([clean.model_copy(update={"scores": other})])["evaluations"]
    assert evaluation["scores"]["clean.accuracy"][-1] is None


def test_ends_of_an_interval_that_differ_by_rounding_are_none(one, made_up):
    clean = made_up.results()["clean"]
    other = clean.scores | {"accuracy": Score(value=0.1 + 0.2, n=200, low=0.3, high=0.1 + 0.2)}
    (evaluation,) = one([clean.model_copy(update={"scores": other})])["evaluations"]
    assert evaluation["scores"]["clean.accuracy"][1:6] == [None, None, 200, "30.0%", ""]
    assert evaluation["without"] == {
        "clean.accuracy": "stored without one; scoring the model again gives it one"
    }


def test_certificates_and_outcomes_of_fewer_examples_stay_out(one, made_up):
    joint = made_up.results()["joint"]
    more = {"certified": np.ones(200, bool), "fewer": np.ones(50, bool)}
    threat = joint.headline_threats[0]
    kinds = {
        "certified": made_up.about("certificate", threat),
        "fewer": made_up.about("budget", threat),
    }
    changed = joint.model_copy(
        update={
            "outcomes": joint.outcomes | more,
            "outcome_kinds": joint.outcome_kinds | kinds,
        }
    )
    (evaluation,) = one([changed])["evaluations"]
    assert list(evaluation["outcomes"]) == ["joint.headline"]


def test_results_on_training_images_are_not_compared(one, made_up):
    assert one(made_up.results().values(), split="train")["evaluations"] == []


def test_numbers_that_json_cannot_write_keep_their_text(one, made_up, tmp_path, store):
    (evaluation,) = one(made_up.results().values())["evaluations"]
    value, low, high, n, text, interval, outcome = evaluation["scores"]["backdoor.smallest_budget"]
    assert (value, low, high, n, interval, outcome) == (None, None, None, 200, "", None)
    assert text == "none found"
    assert evaluation["without"]["backdoor.smallest_budget"].startswith("the best that a search")
    folder = tmp_path / "digits-cnn-standard"
    folder.mkdir()
    write_comparison(store.entries(), folder)
    begin = 'nonsingular.receive("compare/digits-cnn-standard", '
    written = (folder / "compare.js").read_text("utf-8")
    assert written.startswith(begin)
    payload = json.loads(written[len(begin) :].rstrip().removesuffix(");"))
    assert payload == json.loads(json.dumps(comparison_payload(store.entries())))


def test_the_card_is_told_in_facts_of_which_only_the_paper_is_an_address(one, made_up):
    paper = "https://arxiv.org/abs/1706.06083"
    card = made_up.card("digits/cnn-pgd-at", "pgd-at", paper=paper, parameters=85_002)
    payload = one(made_up.results().values(), card)
    assert payload["paper"] == paper
    assert dict(payload["facts"]) == {
        "Data set": "digits",
        "Recipe": "pgd-at",
        "Architecture": "cnn",
        "Parameters": "85.0 K",
        "Source": "bundled",
    }


def test_the_index_says_which_models_met_on_which_board(made_up, store, tmp_path):
    made_up.fill(store)
    other = made_up.Battery(name="other-v1")
    made_up.fill(store, made_up.zoo[:1], other, data_sha256="e" * 64)
    summaries = store.summaries([("clean", "accuracy")])
    pages = {s.fingerprint: f"models/{s.card.name.replace('/', '-')}/index.html" for s in summaries}
    batteries = {s.battery_sha256: f"batteries/{s.battery}.html" for s in summaries}
    painter = Painter(tmp_path / "old", tmp_path / "new")
    boards = make_boards(summaries, store.batteries(), pages, batteries, painter)
    index = index_payload(summaries, boards, pages)
    assert index["names"] == [name for name, _, _ in made_up.zoo]
    assert index["slugs"] == [name.replace("/", "-") for name, _, _ in made_up.zoo]
    named = [[index["boards"][place]["battery"] for place in on] for on in index["on"]]
    assert named == [["digits-v1", "other-v1"], *[["digits-v1"]] * 3]
    keys = {board["battery"]: board["key"] for board in index["boards"]}
    assert keys["other-v1"] == evaluation_key(other.sha256, "e" * 64)
    evaluations = comparison_payload(store.entries()[:2])["evaluations"]
    assert {each["key"] for each in evaluations} <= set(keys.values())
    label, unit, higher, description = index["probes"]["clean"]["scores"]["accuracy"]
    assert (unit, higher) == ("share", True)
    assert label
    assert description
    json.dumps(index, allow_nan=False)
