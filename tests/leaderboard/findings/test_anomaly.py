"""The finding on anomaly detection, in stores where the answer is known."""

import math

import pytest

from benchmark import load_battery
from benchmark.results import Bars, Curve, ProbeResult, Score
from leaderboard.findings import make_findings
from leaderboard.store import Store
from models_zoo.methods import method_card
from models_zoo.training_method import TrainingMethod

RUNS = [f"{pair}, seed {seed}" for pair in ("0 with 2", "1 with 7") for seed in range(5)]
SCATTER = (0.01, -0.01, 0.02, -0.02, 0.0, 0.015, -0.015, 0.005, -0.005, 0.0)


def score(value, half=0.02, n=10):
    return Score(value=value, n=n, low=value - half, high=value + half)


def result(level, collapse, scatter):
    bars = [
        Bars(
            picture="anomaly_runs",
            series=series,
            x_label="runs",
            y_label="balanced accuracy",
            names=RUNS,
            y=[Score(value=level + each, n=1, low=-math.inf, high=math.inf) for each in scatter],
            unit="share",
        )
        for series in ("0%", "5%")
    ]
    curve = Curve(
        picture="anomaly_errors",
        series="training set, outliers",
        x_label="epochs",
        y_label="mean squared error",
        x=[1.0, 300.0],
        x_text=["1", "300"],
        y=[score(0.2), score(0.01)],
        unit="loss",
    )
    return ProbeResult(
        probe="anomaly",
        scores={"balanced_accuracy": score(level), "collapse": score(collapse)},
        bars=bars,
        curves=[curve],
    )


def found(made_up, levels, collapse=0.15):
    battery, store = load_battery("digits-anomaly-v1"), Store.open(":memory:")
    for place, (name, level) in enumerate(levels.items()):
        card = method_card(f"digits/{name}")
        store.save(
            made_up.card(card.name).model_copy(update={"training": card.training}),
            made_up.provenance(battery, TrainingMethod(card).fingerprint),
            battery,
            result(level, collapse, (*SCATTER[place:], *SCATTER[:place])),
        )
    return {each.key: each for each in make_findings(store.entries())}["anomaly"]


@pytest.mark.parametrize(
    ("rejecting", "collapse", "votes"),
    [
        (0.9, 0.15, ["for", "for", "for"]),
        (0.8, 0.15, ["for", "open", "for"]),
        (0.6, -0.15, ["against", "against", "open"]),
    ],
)
def test_rejection_is_judged_by_paired_differences_and_the_collapse(
    made_up, rejecting, collapse, votes
):
    levels = {
        "anomaly-ae": 0.6,
        "anomaly-aae": 0.8,
        "anomaly-ae-early": 0.95,
        "anomaly-aae-rejecting": rejecting,
    }
    (part,) = found(made_up, levels, collapse).parts
    assert list(part.votes) == votes
    comparisons, scores = part.tables
    verdicts = {row[0]: row[-1] for row in comparisons.rows}
    assert verdicts["rejecting against anomaly-ae-early, 5% outliers"] == "not counted"
    assert verdicts["rejecting against anomaly-aae, 0% outliers"] == "not counted"
    assert len(scores.rows) == 4
    assert not part.missing
    (figure,) = part.figures
    assert "anomaly-ae, outliers: 0.2 at 1, 0.01 at 300." in figure.description


def test_what_is_missing_is_named(made_up):
    (part,) = found(made_up, {"anomaly-ae": 0.6}).parts
    assert list(part.votes) == ["for"]
    assert any("nonsingular bench digits/anomaly-aae-rejecting" in each for each in part.missing)


def test_without_methods_there_is_nothing_to_say(made_up):
    finding = found(made_up, {})
    assert finding.parts == []
    assert finding.verdict == "Undecided: nothing in the database can be compared yet."
