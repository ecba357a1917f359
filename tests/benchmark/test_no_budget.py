"""With no budget every attack and measure gives the clean result, exactly."""

import pytest
import torch

from benchmark import attack_inputs, attack_joint, attack_weights, flatness, inject_backdoor
from benchmark.attacks.backdoor import Patch, split
from benchmark.attacks.inputs import EFFORTS, outcomes_by_budget
from benchmark.attacks.weights import worst_weights
from benchmark.budgets import Budget
from benchmark.measures.divergence import maximum_divergence
from benchmark.spaces import select_weights
from benchmark.spaces.weights import GEOMETRIES
from benchmark.subject import Subject
from benchmark.threats import WeightThreat

MODELS = ("digits/mlp-standard", "digits/cnn-pgd-at")


@pytest.fixture(params=MODELS)
def asked(request, zoo, digits):
    """A model with half of its labels shifted, so that not all examples are correct."""
    data = digits.head(40)
    labels = data.labels.clone()
    labels[::4] = (labels[::4] + 1) % 10
    return Subject(zoo(request.param), data.images, labels)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("effort", EFFORTS)
def test_inputs(asked, norm, effort):
    found = attack_inputs(
        asked.model, asked.images, asked.labels, norm=norm, eps=0.0, effort=effort
    )
    assert torch.equal(found.images, asked.images)
    assert torch.equal(found.robust, asked.correct())
    (outcome,) = outcomes_by_budget(asked, norm, [0.0], effort)
    assert torch.equal(outcome, asked.correct())


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_weights(asked, geometry):
    found = attack_weights(asked.model, asked.images, asked.labels, radius=0.0, geometry=geometry)
    assert torch.equal(found.robust, asked.correct())
    own = select_weights(asked.model)
    assert found.weights.keys() == own.keys()
    assert all(torch.equal(found.weights[name], tensor) for name, tensor in own.items())


def test_joint(asked):
    found = attack_joint(asked.model, asked.images, asked.labels, eps=0.0, radius=0.0)
    assert torch.equal(found.robust, asked.correct())


def test_a_joint_attack_without_one_budget_is_the_other_attack(asked):
    data = asked.images, asked.labels
    inputs = attack_inputs(asked.model, *data, eps=0.1, effort="quick")
    joint = attack_joint(asked.model, *data, eps=0.1, radius=0.0, effort="quick")
    assert torch.equal(joint.robust, inputs.robust)
    threat = WeightThreat("relative-l2", Budget(0.05))
    (weights,) = worst_weights(asked, [threat], 5)
    joint = attack_joint(asked.model, *data, eps=0.0, radius=0.05, steps=5, effort="quick")
    assert torch.equal(joint.robust, weights.lowest.robust)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_backdoors(asked, geometry):
    found = inject_backdoor(asked.model, asked.images, asked.labels, radius=0.0, geometry=geometry)
    own = select_weights(asked.model)
    assert all(torch.equal(found.weights[name], tensor) for name, tensor in own.items())
    held_out = split(asked).measured
    assert torch.equal(found.robust, held_out.correct())
    others = held_out.images[held_out.labels != 0]
    base = asked.model(Patch().stamp(others)).argmax(1) == 0
    assert torch.equal(found.success, base)
    assert torch.equal(found.base, base)
    assert found.agreement.all()
    assert found.change == found.moved.linf == 0


def test_flatness(asked):
    scores = flatness(
        asked.model,
        asked.images,
        asked.labels,
        eps=0.1,
        average_radius=0.0,
        worst_radius=0.0,
        average_radii=[],
        worst_radii=[],
        draws=3,
        restarts=2,
        input_steps=5,
        measure_examples=0,
    )
    for name in ("robust", "clean", "calibrated", "error"):
        for case in ("average", "worst"):
            assert scores[f"{case}_{name}"].value == 0, (case, name)
    assert scores["robust_loss"].value > 0


@pytest.mark.parametrize("normalized", [False, True])
def test_divergence(asked, normalized):
    (found,) = maximum_divergence(asked, "linf", [0.0], normalized=normalized)
    assert found.values.shape == (40,)
    assert not found.values.any()
    assert not found.changed.any()
