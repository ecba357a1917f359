"""Counterexamples: verified as the suite's own attacks are, and lowering what they break."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save

from benchmark.attacks.attack import RunOptions
from benchmark.attacks.inputs import InputAttack
from benchmark.attacks.library import BackdoorAttack, JointAttack, WeightAttack
from benchmark.budgets import Budget
from benchmark.counterexamples import (
    Counterexample,
    counterexample_of,
    lowered,
    read_counterexample,
    verify,
    write_counterexample,
)
from benchmark.datasets import load_dataset
from benchmark.probes.backdoor.settings import BackdoorSettings
from benchmark.probes.budget_curves import outcome_curve
from benchmark.results import Outcome, ProbeResult, Surface
from benchmark.statistics import proportion
from benchmark.subject import subject_of
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat, WeightThreat, includes
from models_zoo import load_model
from models_zoo.errors import InputError

N = 20


@pytest.fixture(scope="module")
def model():
    return load_model("digits/mlp-standard")


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits").head(N)


@pytest.fixture
def subject(model, data):
    with subject_of(model, data.images, data.labels) as prepared:
        yield prepared


@pytest.fixture(scope="module")
def found(model, data):
    attack = InputAttack(InputThreat("linf", Budget.of(0.15)), effort="quick")
    result = attack(model, data.images, data.labels, RunOptions())
    return counterexample_of(result, data.images)


def result_of(probe, outcomes):
    """A result in which every example is robust."""
    named = {
        name: Outcome(np.ones(N, bool), role, threat) for name, (role, threat) in outcomes.items()
    }
    return ProbeResult(
        probe=probe,
        scores={"robust_accuracy": proportion(np.ones(N, bool))},
        share_of={"robust_accuracy": "headline"},
    ).with_outcomes(named)


def inputs_alone(norm="linf", eps=0.2):
    threat = InputThreat(norm, Budget.of(eps))
    return result_of("input", {"headline": ("headline", threat)})


def test_what_an_attack_finds_is_verified_and_lowers_larger_balls_alone(subject, found):
    verified = verify(found, subject)
    assert verified.n_broken == len(found.indices) > 3
    results = {
        "input": result_of(
            "input",
            {
                "headline": ("headline", InputThreat("linf", Budget.of(0.2))),
                "smaller": ("budget", InputThreat("linf", Budget.of(0.1))),
                "other norm": ("budget", InputThreat("l2", Budget.of(9.0))),
                "control": ("control", InputThreat("linf", Budget.of(0.2))),
            },
        )
    }
    change = lowered(results, verified)["input"]
    assert change.changes == {"headline": (N, N - verified.n_broken)}
    assert change.result.scores["robust_accuracy"] == proportion(~verified.broken)
    assert np.array_equal(change.result.outcomes["headline"], ~verified.broken)
    assert results["input"].outcomes["headline"].all()


def test_a_joint_result_follows_the_input_attack_that_it_includes(subject, found):
    weights = WeightThreat("relative-l2", Budget.of(0.01))
    joint = result_of(
        "joint",
        {
            "headline": ("headline", JointThreat(InputThreat("linf", Budget.of(0.2)), weights)),
            "smaller": ("budget", JointThreat(InputThreat("linf", Budget.of(0.1)), weights)),
        },
    )
    verified = verify(found, subject)
    both = lowered({"input": inputs_alone(), "joint": joint}, verified)
    assert both["joint"].changes == {"headline": (N, N - verified.n_broken)}
    assert "joint" not in lowered({"joint": joint}, verified)


def test_a_certificate_that_a_counterexample_contradicts_is_flagged(subject, found):
    certified = result_of(
        "input",
        {
            "headline": ("headline", InputThreat("linf", Budget.of(0.2))),
            "certified": ("certificate", InputThreat("linf", Budget.of(0.2))),
        },
    )
    change = lowered({"input": certified}, verify(found, subject))["input"]
    assert [flag.name for flag in change.result.flags] == ["certificate_contradicted"]
    assert change.changes["certified"] == change.changes["headline"]


def test_curves_and_surfaces_follow_their_outcomes(subject, found):
    verified, every = verify(found, subject), torch.ones(N, dtype=torch.bool)
    threat = InputThreat("linf", Budget.of(0.2))
    curve = outcome_curve(
        "p", "linf", "x", [0.0, 0.1, 0.2], [every] * 3, role="budget", threat=threat
    )
    result = inputs_alone().model_copy(update={"curves": [curve]})
    joint = JointThreat(threat, WeightThreat("relative-l2", Budget.of(0.01)))
    surface = Surface(
        picture="p",
        x_label="",
        y_label="",
        z_label="",
        x=[0.0, 0.01],
        y=[0.0, 0.2],
        x_text=["0", "0.01"],
        y_text=["0", "0.2"],
        z=[[1.0, 1.0], [1.0, 1.0]],
        unit="share",
        role="budget",
        threat=joint,
    )
    both = result_of("joint", {"headline": ("headline", joint)})
    both = both.model_copy(update={"surfaces": [surface]})
    change = lowered({"input": result, "joint": both}, verified)
    (lower,) = change["input"].result.curves
    assert lower.y == [*[proportion(np.ones(N, bool))] * 2, proportion(~verified.broken)]
    (area,) = change["joint"].result.surfaces
    assert area.z == [[1.0, 1.0], [1.0, (N - verified.n_broken) / N]]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda e: {"images": e.images + 0.5}, "outside its linf ball of radius 0.15"),
        (lambda e: {"images": e.images[:, :, :4]}, "images must have the shape"),
        (lambda e: {"images": e.images * torch.nan}, "images must be finite"),
        (lambda e: {"images": None}, "needs both indices and images"),
        (lambda e: {"indices": e.indices + N}, r"indices must lie in 0\.\.19"),
        (lambda e: {"indices": e.indices - N}, r"indices must lie in 0\.\.19"),
        (lambda e: {"indices": torch.zeros_like(e.indices)}, "different from each other"),
        (lambda e: {"indices": None, "images": None}, "needs perturbed images"),
        (lambda e: {"threat": InputThreat("linf", Budget.of(0.05))}, "ball of radius 0.05"),
        (lambda e: {"threat": InputThreat("l2", Budget.of(0.01))}, "l2 ball of radius 0.01"),
        (lambda e: {"delta": {"0.weight": torch.zeros(2)}}, "cannot have a displacement"),
        (lambda e: {"target": 1}, "cannot have a trigger"),
    ],
)
def test_what_is_not_inside_its_ball_or_does_not_fit_is_refused(subject, found, spoil, reason):
    with pytest.raises(InputError, match=reason):
        verify(Counterexample(**(vars(found) | spoil(found))), subject)


def test_an_image_outside_the_box_is_refused(subject, data):
    moved = data.images[:1].clone()
    moved[moved == 0] = -0.01
    example = Counterexample(InputThreat("linf", Budget.of(0.1)), torch.tensor([0]), moved)
    with pytest.raises(InputError, match=r"outside \[0, 1\]"):
        verify(example, subject)


def test_what_breaks_nothing_is_refused(subject, data):
    clean = int(subject.correct().nonzero()[0])
    place = torch.tensor([clean])
    example = Counterexample(InputThreat("linf", Budget.of(0.1)), place, data.images[place])
    with pytest.raises(InputError, match="breaks nothing"):
        verify(example, subject)


def test_weights_and_joint_counterexamples_replace_outcomes_that_are_higher(model, data, subject):
    weights = WeightThreat("relative-l2", Budget.of(0.05))
    own = subject.weights_that_move(weights.rule)
    joint = JointThreat(InputThreat("linf", Budget.of(0.05)), weights)
    for attack in (WeightAttack(weights, steps=4), JointAttack(joint, steps=4, effort="quick")):
        result = attack(model, data.images, data.labels, RunOptions())
        verified = verify(counterexample_of(result, data.images, own), subject)
        assert verified.n_broken >= N - result.n_robust - int((~subject.correct()).sum())
        stored = result_of(attack.threat.kind, {"headline": ("headline", attack.threat)})
        change = lowered({attack.threat.kind: stored}, verified)[attack.threat.kind]
        assert np.array_equal(change.result.outcomes["headline"], verified.robust)
        again = lowered({attack.threat.kind: change.result}, verified)
        assert again == {}  # not lower than what is known


@pytest.mark.parametrize(
    ("delta", "reason"),
    [
        (lambda own: {"no.such": torch.zeros(1)}, "no tensor that the threat allows to move"),
        (lambda own: {next(iter(own)): torch.zeros(3)}, "must have the shape"),
        (lambda own: {k: v * torch.inf for k, v in own.items()}, "must be finite"),
        (lambda own: {k: 0.06 * v for k, v in own.items()}, "outside their relative-l2 ball"),
        (lambda own: {}, "needs a displacement of the weights"),
    ],
)
def test_weights_outside_their_ball_are_refused(subject, delta, reason):
    threat = WeightThreat("relative-l2", Budget.of(0.05))
    own = subject.weights_that_move(threat.rule)
    with pytest.raises(InputError, match=reason):
        verify(Counterexample(threat, delta=delta(own)), subject)


def test_a_backdoor_of_the_battery_that_succeeds_more_often_replaces_the_stored_one(model, data):
    settings = BackdoorSettings(budgets=[0.5], headline=0.5, clean_drop=1.0, steps=20)
    threat = settings.threat(0.5)
    images, labels = data.images, data.labels
    attack = BackdoorAttack(threat, settings.triggers[0], settings.targets[0], steps=20)
    result = attack(model, images, labels, RunOptions())
    with subject_of(model, images, labels) as subject:
        own = subject.weights_that_move(settings.rule)
        delta = {name: tensor - own[name] for name, tensor in result.weights.items()}
        example = Counterexample(threat, delta=delta, trigger=attack.trigger, target=attack.target)
        verified = verify(example, subject, {"backdoor": settings})
        with pytest.raises(InputError, match="this battery has none"):
            verify(example, subject, {})
        other = Counterexample(**(vars(example) | {"target": 7}))
        with pytest.raises(InputError, match="the battery has no backdoor"):
            verify(other, subject, {"backdoor": settings})
        strict = settings.model_copy(update={"clean_drop": 0.0})
        if result.drop > 0:
            with pytest.raises(InputError, match="of clean accuracy"):
                verify(example, subject, {"backdoor": strict})
    assert verified.scores["success"].value == result.rate > 0
    stored = ProbeResult(
        probe="backdoor",
        scores={"success": proportion(np.zeros(6, bool))},
        share_of={"clean_accuracy": "held_out_robust"},
    ).with_outcomes(
        {
            "held_out_robust": Outcome(np.ones(6, bool), "control", threat),
            "triggered": Outcome(np.ones(N, bool), "budget", threat),
        }
    )
    change = lowered({"backdoor": stored}, verified)["backdoor"]
    assert change.result.scores["success"].value == result.rate
    assert lowered({"backdoor": change.result}, verified) == {}
    small = BackdoorThreat("relative-linf", Budget.of(0.1))
    elsewhere = stored.with_outcomes({"triggered": Outcome(np.ones(N, bool), "budget", small)})
    assert lowered({"backdoor": elsewhere}, verified) == {}


def test_a_file_gives_back_what_was_written(tmp_path, found, subject):
    path = tmp_path / "found.safetensors"
    write_counterexample(path, found)
    again = read_counterexample(path)
    assert again.threat == found.threat
    assert again.images is not None
    assert again.indices is not None
    assert torch.equal(again.images, found.images)
    assert torch.equal(again.indices, found.indices)
    with pytest.raises(InputError, match="more than the limit"):
        read_counterexample(path, limit=100)


THREAT = {"threat": {"kind": "input", "norm": "linf", "eps": 0.1}}
DESCRIBED = {"counterexample": json.dumps(THREAT)}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no safetensors", "is not a safetensors file"),
        (save({"images": torch.zeros(1)}), "does not say what it is about"),
        (save({}, {"counterexample": "[" * 5000}), "not JSON"),
        (save({}, {"counterexample": "x" * 20000}), "description of 20,000 characters"),
        (save({}, {"counterexample": '{"threat": {"kind": "other"}}'}), "threat"),
        (save({}, {"counterexample": json.dumps(THREAT | {"more": 1})}), "more"),
        (save({"other": torch.zeros(1)}, DESCRIBED), "its tensors are"),
        (save({"images": torch.zeros(1, dtype=torch.int8)}, DESCRIBED), "type 'I8', not F32"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(tmp_path, content, reason):
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_counterexample(path)


def test_which_threats_include_which():
    small, large = InputThreat("linf", Budget.of(0.1)), InputThreat("linf", Budget.of(0.2))
    near, far = (
        WeightThreat("relative-l2", Budget.of(0.01)),
        WeightThreat("relative-l2", Budget.of(0.02)),
    )
    assert includes(large, small)
    assert includes(small, small)
    assert not includes(small, large)
    assert not includes(large, InputThreat("l2", Budget.of(0.1)))
    assert not includes(far, WeightThreat("relative-l2", Budget.of(0.01), "kernels"))
    assert includes(JointThreat(large, far), JointThreat(small, near))
    assert not includes(JointThreat(large, near), JointThreat(small, far))
    assert includes(JointThreat(small, near), small)
    assert includes(JointThreat(small, near), near)
    assert not includes(JointThreat(small, near), large)
    assert not includes(small, JointThreat(small, near))
