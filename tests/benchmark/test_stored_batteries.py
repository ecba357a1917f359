"""The probes and headline threats of batteries as they were stored."""

import pytest

from benchmark.batteries import (
    list_batteries,
    load_battery,
    stored_headline_threats,
    stored_probes,
)
from benchmark.threats import InputThreat, JointThreat, WeightThreat, labels
from models_zoo.text_sets import TEXT_SETS


@pytest.mark.parametrize("name", list_batteries())
def test_every_battery_says_what_its_scores_are_about(name):
    content = load_battery(name).model_dump(mode="json")
    assert list(stored_probes(content)) == list(content["probes"])
    threats = stored_headline_threats(content)
    if content["default"] in (
        ["clean", "corruptions"],
        ["clean", "concepts"],
        ["anomaly"],
    ):  # nothing is attacked
        assert threats == {}
        return
    if content["default"] == ["checks", "randomized"]:  # expectations under one attack
        assert set(threats) == {"randomized"}
        return
    if content["default"] == ["clean", "detection"]:  # a defence around the model is attacked
        assert set(threats) == {"detection"}
        return
    if content["dataset"] in TEXT_SETS:  # weights alone are attacked
        attacked = {"weight", "bits", "flatness", "text-backdoor"}
        attacked |= {"text-backdoor-sparse"} if name == "movies-v1" else set()
        assert set(threats) == attacked
        assert not any(
            isinstance(each, InputThreat) for found in threats.values() for each in found
        )
        return
    assert {"input", "weight", "joint", "backdoor", "flatness"} <= set(threats)
    assert "clean" not in threats
    joint, inputs, weights = (threats[each][0] for each in ("joint", "input", "weight"))
    assert isinstance(joint, JointThreat)
    assert isinstance(inputs, InputThreat)
    assert isinstance(weights, WeightThreat)
    assert joint.inputs.norm == inputs.norm
    assert joint.weights.geometry == weights.geometry


def test_the_headline_norm_comes_first_and_budgets_keep_their_text():
    threats = stored_headline_threats(load_battery("cifar10-linf-v1").model_dump(mode="json"))
    assert labels(threats["input"]) == "linf 8/255, l2 0.5"
    threats = stored_headline_threats(load_battery("cifar10-l2-v1").model_dump(mode="json"))
    assert labels(threats["input"]) == "l2 0.5, linf 8/255"


def test_what_another_version_stored_is_left_out():
    content = load_battery("digits-v1").model_dump(mode="json")
    content["probes"]["retired"] = {"eps": 0.1}
    content["probes"]["weight"]["unheard_of"] = 1
    content["probes"]["input"]["linf"] = "none"
    probes = stored_probes(content)
    assert not {"retired", "weight", "input"} & set(probes)
    threats = stored_headline_threats(content)
    assert "joint" not in threats  # which is about the balls of the other two
    assert "flatness" in threats
    assert stored_headline_threats({}) == {}


def test_budgets_of_the_headline_and_of_the_robust_loss():
    battery = load_battery("cifar10-linf-v1")
    linf = battery.headline_budget("linf")
    assert linf is not None
    assert linf.text == "8/255"
    assert battery.headline_budget("l2") == 0.5
    assert battery.headline_budget("l1") is None
    assert battery.robust_loss_budget == getattr(battery.probes["flatness"], "eps", None)
