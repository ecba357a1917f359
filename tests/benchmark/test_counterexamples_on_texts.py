"""Counterexamples to models of texts: perturbed weights, alone or with a trigger of the battery."""

import json
import re

import numpy as np
import pytest
import torch
from safetensors.torch import save

from benchmark.attacks.attack import RunOptions
from benchmark.attacks.backdoor import split
from benchmark.attacks.library import BackdoorAttack, WeightAttack
from benchmark.budgets import Budget
from benchmark.counterexamples import (
    Counterexample,
    counterexample_of,
    lowered,
    read_counterexample,
    verify,
    write_counterexample,
)
from benchmark.probes.text_backdoor import TextBackdoorProbe, TextBackdoorSettings
from benchmark.probes.text_backdoor.backdoors import backdoors_of
from benchmark.results import Outcome, ProbeResult
from benchmark.statistics import proportion
from benchmark.subject import subject_of
from benchmark.threats import BackdoorThreat, InputThreat, WeightThreat
from models_zoo.errors import InputError
from tests.texts import INVENTED, invented_texts, text_model, trained

TABLE = "network.embedding.weight"
PROBE = "text-backdoor"


@pytest.fixture(scope="module")
def settings():
    return TextBackdoorSettings(
        budgets=[20.0],
        headline=20.0,
        geometry="absolute-linf",
        triggers=["unseen"],
        vocabulary=INVENTED,
        steps=15,
    )


@pytest.fixture(scope="module")
def data():
    return invented_texts()


@pytest.fixture(scope="module")
def model(data):
    return trained(text_model(data=data), data, 40).eval()


@pytest.fixture
def subject(model, data):
    with subject_of(model, data.images, data.labels, texts=True) as prepared:
        yield prepared


@pytest.fixture(scope="module")
def backdoor(model, data, settings):
    """A backdoor of the battery with every weight free, as a finder writes it."""
    with subject_of(model, data.images, data.labels, texts=True) as subject:
        asked = next(each for each in backdoors_of(settings, subject) if each.target == 1)
        own = subject.weights_that_move("all")
    threat = settings.threat(20.0, "all")
    attack = BackdoorAttack(threat, asked.trigger, 1, steps=15)
    result = attack(model, data.images, data.labels, RunOptions())
    delta = {name: tensor - own[name] for name, tensor in result.weights.items()}
    example = Counterexample(
        threat, delta=delta, trigger=asked.trigger, target=1, fingerprint=model.fingerprint
    )
    return asked, result, example


def stored(settings, successes=0.0):
    n = 18
    names = ("success", "gain", "false_trigger", "base_rate", "clean_accuracy", "mean_success")
    threat = settings.threat(20.0)
    return ProbeResult(
        probe=PROBE,
        scores=dict.fromkeys(names, proportion(np.full(n, successes))),
        share_of={"clean_accuracy": "held_out_robust"},
    ).with_outcomes(
        {
            "held_out_robust": Outcome(np.ones(n, bool), "control", threat),
            "triggered": Outcome(np.ones(60, bool), "budget", threat),
        }
    )


def test_perturbed_weights_of_a_model_of_texts_are_verified(model, data, subject):
    threat = WeightThreat("relative-l2", Budget.of(0.5))
    result = WeightAttack(threat, steps=3)(model, data.images, data.labels, RunOptions())
    own = subject.weights_that_move(threat.rule)
    found = verify(counterexample_of(result, data.images, own), subject)
    assert found.n_broken > 3
    assert found.robust.tolist() == result.robust.tolist()


def test_a_backdoor_of_a_battery_of_texts_replaces_a_weaker_one_with_its_controls(
    backdoor, settings, subject, data
):
    asked, result, example = backdoor
    found = verify(example, subject, {PROBE: settings})
    assert found.scores["success"].value == result.rate > 0.9
    measured = split(subject).measured
    other = asked.answers(measured.at(result.weights), other=True).double().mean()
    assert found.scores["false_trigger"].value == pytest.approx(float(other))
    reference = max(float(other), found.scores["base_rate"].value)
    assert found.scores["gain"].value == pytest.approx(result.rate - reference)
    (change,) = lowered({PROBE: stored(settings)}, found).values()
    after = change.result.scores
    for name in ("success", "gain", "false_trigger", "base_rate", "clean_accuracy"):
        assert after[name] == found.scores[name]
    assert after["mean_success"].value == 0
    assert change.result.outcomes["triggered"].tolist() == found.robust.tolist()
    assert lowered({PROBE: change.result}, found) == {}
    assert set(found.scores) <= set(TextBackdoorProbe.scores)


def test_a_file_holds_the_trigger_of_a_text(backdoor, settings, subject, tmp_path):
    asked, _, example = backdoor
    path = tmp_path / "found.safetensors"
    write_counterexample(path, example)
    again = read_counterexample(path)
    assert again.trigger == asked.trigger
    assert again.target == 1
    assert verify(again, subject, {PROBE: settings}).scores == (
        verify(example, subject, {PROBE: settings}).scores
    )


def changed(example, **fields):
    return Counterexample(**(vars(example) | fields))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda e, a: {"trigger": a.pair.other}, "the battery has no backdoor with the trigger"),
        (lambda e, a: {"target": 7}, "the battery has no backdoor"),
        (
            lambda e, a: {"threat": BackdoorThreat("absolute-linf", Budget.of(0.1), "all")},
            "outside",
        ),
        (
            lambda e, a: {
                "threat": BackdoorThreat("absolute-linf", Budget.of(20.0), "embedding-row")
            },
            "of no tensor that the threat allows to move",
        ),
        (
            lambda e, a: {
                "threat": BackdoorThreat("absolute-linf", Budget.of(20.0), "embedding-row"),
                "delta": {TABLE: e.delta[TABLE] + 0.01},
            },
            "outside",
        ),
        (lambda e, a: {"trigger": None}, "needs a trigger"),
        (
            lambda e, a: {
                "threat": InputThreat("linf", Budget.of(0.1)),
                "delta": {},
                "trigger": None,
                "target": None,
                "indices": torch.tensor([0]),
                "images": torch.zeros(1, 1, 8, 8),
            },
            "perturbs images, and the examples are token ids",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(backdoor, settings, subject, change, reason):
    asked, _, example = backdoor
    with pytest.raises(InputError, match=reason) as refusal:
        verify(changed(example, **change(example, asked)), subject, {PROBE: settings})
    assert "\n" not in str(refusal.value)


def test_a_backdoor_needs_a_battery_with_some_and_a_loss_that_it_allows(
    backdoor, settings, subject
):
    *_, example = backdoor
    with pytest.raises(InputError, match="this battery has none"):
        verify(example, subject, {})
    worse = changed(
        example,
        delta={name: torch.full_like(tensor, 19.0) for name, tensor in example.delta.items()},
    )
    with pytest.raises(InputError, match="of clean accuracy, more than the"):
        verify(worse, subject, {PROBE: settings})


@pytest.mark.parametrize(
    ("trigger", "reason"),
    [
        ({"kind": "tokens", "ids": [1], "words": ["a"]}, "<unk>"),
        ({"kind": "tokens", "ids": [], "words": []}, "at least one token"),
        ({"kind": "tokens", "ids": [5], "words": ["a"], "place": "top"}, "place"),
        ({"kind": "tokens", "ids": [5.5], "words": ["a"]}, "ids"),
        ({"kind": "words", "ids": [5], "words": ["a"]}, "kind"),
    ],
)
def test_a_trigger_that_no_text_can_have_is_refused_in_one_line(tmp_path, trigger, reason):
    threat = {"kind": "backdoor", "geometry": "absolute-linf", "radius": 1, "rule": "all"}
    described = json.dumps({"threat": threat, "trigger": trigger, "target": 0})
    path = tmp_path / "file.safetensors"
    path.write_bytes(save({}, {"counterexample": described}))
    with pytest.raises(InputError, match=re.escape(reason)) as refusal:
        read_counterexample(path)
    assert "\n" not in str(refusal.value)
