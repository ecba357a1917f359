"""Moving scale from one ReLU layer to the next changes no function, so it may change no score."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from benchmark import evaluate, flatness

PAIRS = {
    "mlp": ("network.linear1", "network.linear2"),
    "cnn": ("network.conv1", "network.conv2"),
}
N = 24


def rescaled(model, first, second, factor):
    """A copy whose layer ``first`` is multiplied and whose layer ``second`` is divided."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.get_submodule(first).weight *= factor
        other.get_submodule(first).bias *= factor
        other.get_submodule(second).weight /= factor
    return other


def scores_of(model, data, battery, **changes):
    report = evaluate(
        model, data.images, data.labels, battery(**changes), ["weight", "flatness"], seed=3
    )
    return report.scores, report.results["weight"].outcomes


def assert_same_scores(one, other):
    (scores, outcomes), (others, other_outcomes) = one, other
    assert scores.keys() == others.keys()
    for name, value in scores.items():
        assert others[name] == pytest.approx(value, rel=1e-4, abs=1e-9), name
    for name, outcome in outcomes.items():
        assert (outcome == other_outcomes[name]).all(), name


@pytest.mark.parametrize(("kind", "factor"), [("mlp", 1 / 8), ("cnn", 8.0)])
@pytest.mark.parametrize("geometry", ["relative-l2", "filter-l2", "relative-linf"])
def test_relative_balls_do_not_see_the_scale_of_a_relu_layer(
    zoo, digits, battery, kind, factor, geometry
):
    model, data = zoo(f"digits/{kind}-standard"), digits.head(N)
    other = rescaled(model, *PAIRS[kind], factor)
    changes = {"weight": {"geometry": geometry}, "flatness": {"geometry": geometry}}
    before = scores_of(model, data, battery, **changes)
    assert before[0]["weight.robust_accuracy"] < 0.95, "the attack must do something"
    assert before[0]["flatness.worst_robust"] > 1e-3
    assert_same_scores(before, scores_of(other, data, battery, **changes))


SEES = {
    "absolute-l2": ([0.05, 0.1], {"average_radius": 1.0, "worst_radius": 0.05}),
    "absolute-linf": ([0.002, 0.004], {"average_radius": 0.05, "worst_radius": 0.001}),
    "network-l2": ([0.01, 0.02], {"average_radius": 0.3, "worst_radius": 0.005}),
}
"""Geometries that depend on how the scale is spread over layers, with radii that show it."""


@pytest.mark.parametrize(
    ("kind", "geometry"), [*(("mlp", geometry) for geometry in SEES), ("cnn", "network-l2")]
)
def test_absolute_and_network_wide_balls_do_see_it(zoo, digits, battery, kind, geometry):
    model, data = zoo(f"digits/{kind}-standard"), digits.head(N)
    other = rescaled(model, *PAIRS[kind], 8.0)
    radii, flat = SEES[geometry]
    changes = {
        "weight": {"geometry": geometry, "radii": radii, "headline": radii[-1]},
        "flatness": {"geometry": geometry} | flat,
        "joint": {"radii": radii, "headline_radius": radii[-1]},
    }
    before, _ = scores_of(model, data, battery, **changes)
    after, _ = scores_of(other, data, battery, **changes)
    assert after["weight.worst_loss"] != pytest.approx(before["weight.worst_loss"], rel=0.05)
    for name in ("average_robust", "worst_robust", "average_clean", "worst_clean"):
        # A hundred times what numbers in relative balls may change.
        assert after[f"flatness.{name}"] != pytest.approx(before[f"flatness.{name}"], rel=0.01)


def normalised_network():
    """A convolution with batch norm whose running statistics are those of some data."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )
    for _ in range(20):
        model(torch.rand(64, 1, 8, 8))
    return model.eval()


@pytest.mark.parametrize("factor", [8.0, 1 / 8])
def test_a_layer_before_batch_norm_may_be_scaled_with_its_statistics(digits, battery, factor):
    model, data = normalised_network(), digits.head(N)
    labels = model(data.images).argmax(1)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other[0].weight *= factor
        other[0].bias *= factor
        other[1].running_mean *= factor
        other[1].running_var *= factor**2
    other[1].eps *= factor**2
    torch.testing.assert_close(other(data.images), model(data.images))

    def ask(asked):
        report = evaluate(
            asked,
            data.images,
            labels,
            battery(weight={"radii": [0.1, 0.3], "headline": 0.3}),
            ["weight", "flatness"],
        )
        return report.scores, report.results["weight"].outcomes

    before = ask(model)
    assert before[0]["weight.robust_accuracy"] < 1
    assert_same_scores(before, ask(other))


def test_flatness_does_see_the_scale_of_the_logits(zoo, digits):
    data = digits.head(N)
    louder = copy.deepcopy(zoo("digits/mlp-standard"))
    with torch.no_grad():
        louder.network.linear3.weight *= 4
        louder.network.linear3.bias *= 4
    asked: dict[str, Any] = {
        "eps": 0.0,
        "average_radius": 1.0,
        "draws": 4,
        "restarts": 1,
        "epochs": 1,
        "average_radii": [],
        "worst_radii": [],
    }
    quiet = flatness(zoo("digits/mlp-standard"), data.images, data.labels, **asked)
    loud = flatness(louder, data.images, data.labels, **asked)
    assert loud["average_clean"].value > 1.5 * quiet["average_clean"].value
