"""The joint attack is never weaker than either attack alone, on every bundled model."""

import numpy as np
import pytest
import torch

from benchmark import attack_joint, evaluate, load_battery
from benchmark.probes.joint import volume
from benchmark.spaces import WeightBall, select_weights
from models_zoo import list_models
from models_zoo.errors import InputError

N = 100
DIGITS = list_models("digits/*")
EPS, RADII = [0.05, 0.1], [0.01, 0.03]


@pytest.fixture(scope="module")
def reports(zoo, digits, battery):
    data = digits.head(N)
    chosen = battery(
        weight={"radii": RADII, "headline": 0.03},
        joint={"linf": EPS, "radii": RADII, "headline_radius": 0.03},
    )
    return {
        name: evaluate(
            zoo(name), data.images, data.labels, chosen, ["clean", "input", "weight", "joint"]
        )
        for name in DIGITS
    }


def test_all_bundled_models_are_asked():
    assert len(DIGITS) >= 4


@pytest.mark.parametrize("name", DIGITS)
def test_every_cell_is_at_most_each_attack_alone(reports, name):
    results = reports[name].results
    cells = {key: bits.sum() for key, bits in results["joint"].outcomes.items()}
    for eps in EPS:
        alone = results["input"].outcomes[f"linf@{eps:.6g}"].sum()
        assert cells[f"{eps:.6g}x0"] <= alone
        for radius in RADII:
            assert cells[f"{eps:.6g}x{radius:.6g}"] <= alone
            assert cells[f"{eps:.6g}x{radius:.6g}"] <= (
                results["weight"].outcomes[f"{radius:.6g}"].sum()
            )
    assert cells["0x0"] == results["clean"].outcomes["headline"].sum()
    scores = reports[name].scores
    assert scores["joint.robust_accuracy"] <= scores["input.robust_accuracy"]
    assert scores["joint.robust_accuracy"] <= scores["weight.robust_accuracy"]
    assert scores["nonsingular.robust_accuracy"] <= scores["joint.robust_accuracy"]


@pytest.mark.parametrize("name", DIGITS)
def test_the_surface_falls_along_both_axes_and_its_volume_is_a_share(reports, name):
    joint = reports[name].results["joint"]
    (surface,) = joint.surfaces
    z = np.array(surface.z)
    assert z.shape == (len(EPS) + 1, len(RADII) + 1)
    assert (np.diff(z, axis=0) <= 0).all()
    assert (np.diff(z, axis=1) <= 0).all()
    assert (z[-1, -1] < z[0, 0]).all(), "budgets without effect show nothing"
    assert 0 <= joint.scores["volume"].value <= z[0, 0]
    assert joint.scores["robust_accuracy"].value == z[2, 2]


def test_a_joint_attack_finds_more_than_both_alone_together(reports):
    """Not so for every model; but if it were so for none, the joint climb would be useless."""
    gains = []
    for report in reports.values():
        alone = report.per_example["input"] & report.per_example["weight"]
        gains.append(int(alone.sum()) - int(report.per_example["joint"].sum()))
    assert max(gains) > 0


def test_the_shared_weights_lie_in_their_ball(zoo, digits):
    model, data = zoo("digits/mlp-pgd-at"), digits.head(30)
    found = attack_joint(
        model, data.images, data.labels, eps=0.1, radius=0.02, steps=10, effort="quick"
    )
    assert found.won in ("input", "weight", "joint")
    if found.weights:
        ball = WeightBall(select_weights(model), 0.02)
        assert float(ball.excess(found.weights)) <= 1e-6
    assert found.robust.dtype == torch.bool


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_the_volume_of_a_flat_surface_is_its_height(level):
    flat = np.full((3, 4), level)
    assert volume(flat, [0, 0.1, 0.4], [0, 0.01, 0.02, 0.1]) == pytest.approx(level)


def test_the_volume_of_a_slope_is_the_trapezoid_rule_s():
    surface = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert volume(surface, [0, 0.2], [0, 0.05]) == pytest.approx(0.5)


def test_the_joint_probe_needs_the_rungs_of_the_other_two(zoo, digits, battery):
    data = digits.head(8)
    chosen = battery(joint={"linf": [0.07], "headline_linf": 0.07})
    with pytest.raises(InputError, match=r"joint\.linf = 0\.07 is not on its ladder"):
        evaluate(zoo("digits/mlp-standard"), data.images, data.labels, chosen, ["joint"])
    alone = load_battery("digits-v1")
    alone = alone.model_copy(update={"probes": {"joint": alone.probes["joint"]}})
    with pytest.raises(InputError, match=r"needs a battery with an input and a weight probe"):
        evaluate(zoo("digits/mlp-standard"), data.images, data.labels, alone, ["joint"])
