"""Budgets remember how they were written, threats are values, and results carry them."""

import copy
import json
import math
import pickle
import tomllib
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from benchmark import evaluate, load_battery
from benchmark.arguments import budget_of
from benchmark.batteries import list_batteries
from benchmark.budgets import Budget, budget_text
from benchmark.headline import nonsingular
from benchmark.results import Curve, Outcome, OutcomeKind, ProbeResult, Score, Surface
from benchmark.threats import (
    AnyThreat,
    BackdoorThreat,
    BitErrorThreat,
    BitFlipThreat,
    InputThreat,
    JointThreat,
    RegionThreat,
    SparseBackdoorThreat,
    WeightThreat,
    includes,
)
from models_zoo.errors import InputError
from tests.benchmark.cheap_battery import battery

INPUT = InputThreat("linf", Budget.of("8/255"))
WEIGHT = WeightThreat("relative-l2", Budget(0.005))
THREATS = [
    INPUT,
    WEIGHT,
    WeightThreat("network-l2", Budget(0.02), "kernels"),
    JointThreat(INPUT, WEIGHT),
    BackdoorThreat("relative-linf", Budget(0.2)),
    BackdoorThreat("relative-linf", Budget(0.2), trigger="2x2 square", target=3),
    SparseBackdoorThreat(Budget(1)),
    SparseBackdoorThreat(Budget(2)),
    SparseBackdoorThreat(Budget(1), "weights-unbounded"),
    SparseBackdoorThreat(Budget(1), "int8-bits", "optimized noise of +-8/255", 3),
    BitErrorThreat(Budget(0.01)),
    BitFlipThreat(Budget(10)),
    RegionThreat("centre", Budget(4)),
    RegionThreat("centre", Budget(4), transferred=True),
    RegionThreat("full", Budget(0)),
]


class Settings(BaseModel):
    """A model with a budget, as the settings of probes have them."""

    eps: Budget


@pytest.mark.parametrize(
    ("written", "value", "text"),
    [
        ("8/255", 8 / 255, "8/255"),
        ("1 / 64", 1 / 64, "1/64"),
        ("0.25", 0.25, "0.25"),
        (0.0625, 0.0625, "0.0625"),
        (8 / 255, 8 / 255, "8/255"),
        (2, 2.0, "2"),
        (0, 0.0, "0"),
        (1 / 3, 1 / 3, "85/255"),
        (1e307, 1e307, "1e+307"),
        (1.23456789e308, 1.23456789e308, "1.23457e+308"),
    ],
)
def test_a_budget_has_a_value_and_the_text_it_was_written_as(written, value, text):
    for budget in (Settings(eps=written).eps, budget_of("eps", written), Budget.of(written)):
        assert type(budget) is Budget
        assert (float(budget), budget.text) == (value, text)


def test_a_budget_is_its_value_in_every_comparison_and_computation():
    one, other = Budget.of("1/4"), Budget(0.25)
    assert one == other == 0.25
    assert hash(one) == hash(0.25)
    assert {0.25: "found"}[one] == "found"
    assert one < Budget(0.3) > 0.25
    assert type(2 * one) is float
    assert f"{one}" == str(one) == repr(one) == "0.25"
    assert json.dumps([one]) == "[0.25]"


def test_a_budget_keeps_its_text_when_it_is_copied_and_is_stored_as_a_number():
    settings = Settings.model_validate({"eps": "8/255"})
    for again in (
        pickle.loads(pickle.dumps(settings)),
        copy.deepcopy(settings),
        settings.model_copy(),
    ):
        assert again.eps.text == "8/255"
    for mode in ("python", "json"):
        stored = settings.model_dump(mode=mode)["eps"]
        assert type(stored) is float
        assert stored == 8 / 255


@pytest.mark.parametrize("written", ["x", "8/0", "1e400", "", -0.1, "-1/255", math.nan, None])
def test_what_is_no_budget_is_refused(written):
    with pytest.raises(ValidationError):
        Settings.model_validate({"eps": written})
    with pytest.raises(InputError):
        budget_of("eps", written)
    with pytest.raises(InputError):
        InputThreat("linf", written)


def test_unknown_norms_geometries_and_rules_are_refused():
    with pytest.raises(InputError, match="unknown norm"):
        InputThreat("l3", Budget(0.1))
    for kind in (WeightThreat, BackdoorThreat):
        with pytest.raises(InputError, match="unknown weight geometry"):
            kind("l2", Budget(0.1))
        with pytest.raises(InputError, match="unknown weight rule"):
            kind("relative-l2", Budget(0.1), "some")


def test_an_unknown_storage_is_refused():
    with pytest.raises(InputError, match="unknown storage of weights 'bits'"):
        SparseBackdoorThreat(Budget(1), "bits")


def test_sparse_changes_to_any_values_include_those_of_other_storages():
    widest = SparseBackdoorThreat(Budget(4), "weights-unbounded")
    for storage in ("weights", "float32-bits", "weights-unbounded"):
        assert includes(widest, SparseBackdoorThreat(Budget(4), storage))
        assert includes(widest, SparseBackdoorThreat(Budget(1), storage))
        assert not includes(widest, SparseBackdoorThreat(Budget(5), storage))
    # Weights in 8 bits are other weights, and another trigger is another backdoor.
    assert not includes(widest, SparseBackdoorThreat(Budget(1), "int8-bits"))
    assert not includes(widest, SparseBackdoorThreat(Budget(1), "weights", "another", 0))
    assert not includes(SparseBackdoorThreat(Budget(4), "weights"), widest)
    assert not includes(SparseBackdoorThreat(Budget(4)), SparseBackdoorThreat(Budget(4), "weights"))


def test_threats_are_equal_by_what_they_allow_and_not_by_text():
    assert InputThreat("linf", Budget(8 / 255)) == INPUT
    assert InputThreat("linf", Budget(8 / 255, "eight levels")).key == INPUT.key
    assert InputThreat("l2", INPUT.eps) != INPUT
    assert {INPUT: 1}[InputThreat("linf", Budget(8 / 255))] == 1
    assert len(set(THREATS)) == len({threat.key for threat in THREATS}) == len(THREATS)
    assert len({threat.label for threat in THREATS}) == len(THREATS)


def test_labels_have_the_text_of_their_budgets():
    assert INPUT.label == "linf 8/255"
    assert JointThreat(INPUT, WEIGHT).label == "linf 8/255 and relative-l2 radius 0.005"
    assert BitFlipThreat(Budget(1)).label == "1 flipped bit"


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.label)
def test_a_stored_threat_is_the_same_threat_with_the_same_text(threat):
    adapter: TypeAdapter[Any] = TypeAdapter(AnyThreat)
    for again in (
        adapter.validate_python(adapter.dump_python(threat)),
        adapter.validate_json(adapter.dump_json(threat)),
    ):
        assert again == threat
        assert (again.key, again.label) == (threat.key, threat.label)
    third = threat.scaled(1 / 3)
    assert adapter.validate_json(adapter.dump_json(third)) == third, "to the last bit"


def test_a_joint_threat_has_both_budgets_and_scales_both():
    half = JointThreat(INPUT, WEIGHT).scaled(0.5)
    assert half.budgets == (4 / 255, 0.0025)
    assert half.label == "linf 4/255 and relative-l2 radius 0.0025"


@pytest.mark.parametrize("name", [n for n in list_batteries() if "input" in load_battery(n).probes])
def test_the_text_of_a_battery_reaches_its_settings(name):
    table = tomllib.loads((files("benchmark.batteries") / f"{name}.toml").read_text("utf-8"))
    settings: Any = load_battery(name).probes["input"]
    for norm in ("linf", "l2"):
        written = table["probes"]["input"][norm]
        assert [budget.text for budget in getattr(settings, norm)] == [
            each if isinstance(each, str) else budget_text(each) for each in written
        ]


def test_curves_and_surfaces_know_the_threat_of_every_score():
    score = Score(value=0.5, n=4, low=0.2, high=0.8)
    axes: dict[str, Any] = {"picture": "p", "series": "s", "x_label": "", "y_label": ""}
    budgets: dict[str, Any] = {"x": [0.0, 8 / 255], "x_text": ["0", "8/255"], "y": [score, score]}
    curve = Curve(**axes, **budgets, threat=INPUT)
    assert [curve.threat_at(place) for place in range(2)] == [INPUT.at(0), INPUT]
    shares = Curve(**axes, x=[0.5, 1], x_text=["", ""], y=[score] * 2, threat=half_of_both())
    assert shares.threat_at(0) == half_of_both().scaled(0.5)
    assert Curve(**axes, **budgets).threat_at(1) is None
    surface = Surface(
        picture="p",
        x_label="",
        y_label="",
        z_label="",
        x=[0.0, 0.005],
        x_text=["0", "0.005"],
        y=[0.0, 8 / 255],
        y_text=["0", "8/255"],
        z=[[1, 1], [1, 1]],
        threat=JointThreat(INPUT, WEIGHT),
    )
    assert surface.threat_at(1, 0) == JointThreat(INPUT, WEIGHT.at(0))


def half_of_both():
    return JointThreat(INPUT, WEIGHT)


def test_an_answer_keeps_what_its_outcomes_are_about_when_it_is_stored():
    robust = np.array([True, False])
    outcomes = {
        "headline": Outcome(robust, "headline", INPUT),
        "proof": Outcome(~robust, "certificate", JointThreat(INPUT, WEIGHT)),
        "clean": Outcome(robust | True, "control"),
    }
    result = ProbeResult(probe="input", scores={}, headline_threats=[INPUT])
    result = result.with_outcomes(outcomes)
    again = ProbeResult.model_validate(result.model_dump() | {"outcomes": result.outcomes})
    assert again.outcome_kinds == {name: each.kind for name, each in outcomes.items()}
    assert again.outcome("headline").threat == INPUT
    assert list(again.outcomes_as("certificate")) == ["proof"]
    assert again.outcomes["headline"] is robust
    assert again.headline_threats == [INPUT]
    assert again.outcome_kinds["clean"] == OutcomeKind(role="control")


@pytest.fixture(scope="module")
def report(zoo, digits):
    data = digits.head(16)
    return evaluate(
        zoo("digits/mlp-standard"), data.images, data.labels, battery(), list(battery().probes)
    )


def test_every_probe_says_what_each_outcome_is_about(report):
    for name, result in report.results.items():
        assert set(result.outcome_kinds) == set(result.outcomes), name
        for outcome, kind in result.outcome_kinds.items():
            attacked = name not in ("clean", "nonsingular", "corruptions")
            if attacked and outcome not in ("quantized", "clean", "defended"):
                assert kind.threat is not None, (name, outcome)
        for score, outcome in result.share_of.items():
            share = float(result.outcomes[outcome].mean())
            assert result.scores[score].value == pytest.approx(share), (name, score)


def test_the_headline_outcome_is_about_the_headline_threat(report):
    for name in ("input", "weight", "joint", "distance"):
        result = report.results[name]
        kind = result.outcome_kinds["headline"]
        assert kind.role == "headline"
        assert result.headline_threats[0] == kind.threat
        same = [
            outcome
            for outcome, other in result.outcome_kinds.items()
            if other.role == "budget" and other.threat == kind.threat
        ]
        assert same or name == "distance"
        for outcome in same:
            assert np.array_equal(result.outcomes[outcome], result.outcomes["headline"])
    parts = [report.results[name] for name in ("input", "weight", "joint")]
    together = nonsingular(report.results)
    assert together is not None
    assert together.headline_threats == [part.outcome_kinds["headline"].threat for part in parts]


def test_the_last_threat_of_a_curve_is_at_its_last_budget(report):
    for name, result in report.results.items():
        for curve in result.curves:
            if curve.threat is not None:
                assert curve.threat_at(len(curve.x) - 1) == curve.threat, (name, curve.picture)
            assert curve.unit in ("share", "nats", ""), (name, curve.picture)
        for surface in result.surfaces:
            assert (surface.threat is None) == (surface.role == "control")
            assert surface.threat_at(len(surface.y) - 1, len(surface.x) - 1) == surface.threat
