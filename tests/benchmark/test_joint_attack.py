"""The joint attack is never weaker than either attack alone, on four bundled models."""

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import attack_joint, evaluate, load_battery
from benchmark.attacks.joint import attack_at_weights, finish_at_weights
from benchmark.budgets import Budget
from benchmark.probes.joint.diagonal import Diagonal, largest_share
from benchmark.probes.joint.envelope import Envelope
from benchmark.probes.joint.grid import Grid
from benchmark.spaces import IMAGES, InputBall, WeightBall, select_weights
from benchmark.threats import InputThreat, JointThreat, WeightThreat
from models_zoo.errors import InputError

N = 20
DIGITS = [
    f"digits/{network}-{recipe}" for network in ("cnn", "mlp") for recipe in ("standard", "pgd-at")
]
EPS, RADII, SHARES = [0.05, 0.1], [0.01, 0.03], [0.02, 0.05, 0.1, 0.2, 0.5]


@pytest.fixture(scope="session")
def report_of(zoo, digits, battery):
    """``report_of(name)``: of a bundled model, computed once."""
    data = digits.head(N)
    chosen = battery(
        weight={"radii": RADII, "headline": 0.03},
        joint={"linf": EPS, "radii": RADII, "headline_radius": 0.03, "shares": SHARES},
    )
    probes = ["clean", "input", "weight", "joint"]
    return cache(lambda name: evaluate(zoo(name), data.images, data.labels, chosen, probes))


@pytest.fixture(scope="session", params=DIGITS)
def report(request, report_of):
    """Of each model in turn: all tests of a model follow each other."""
    return report_of(request.param)


def test_all_bundled_models_are_asked():
    assert len(DIGITS) >= 4


def test_every_pair_is_at_most_each_attack_alone(report):
    results = report.results
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
    scores = report.scores
    assert scores["joint.robust_accuracy"] <= scores["input.robust_accuracy"]
    assert scores["joint.robust_accuracy"] <= scores["weight.robust_accuracy"]
    assert scores["nonsingular.robust_accuracy"] <= scores["joint.robust_accuracy"]


def test_the_surface_falls_along_both_axes_and_its_volume_is_a_share(report):
    joint = report.results["joint"]
    surface, below = joint.surfaces
    z = np.array(surface.z)
    assert z.shape == (len(EPS) + 1, len(RADII) + 1)
    assert (np.diff(z, axis=0) <= 0).all()
    assert (np.diff(z, axis=1) <= 0).all()
    assert (z[-1, -1] < z[0, 0]).all(), "budgets without effect show nothing"
    scores = {name: score.value for name, score in joint.scores.items()}
    assert 0 <= scores["volume"] <= min(scores["input_area"], scores["weight_area"]) <= z[0, 0]
    assert scores["robust_accuracy"] == z[2, 2]
    lower = np.array(below.z)
    assert (np.diff(lower, axis=0) <= 0).all()
    assert (np.diff(lower, axis=1) <= 0).all()
    assert (lower <= z).all()
    assert lower[0, 0] == z[0, 0]
    assert scores["certified_accuracy"] == lower[2, 2]


def test_what_is_certified_is_never_broken_by_any_probe(report):
    results = report.results
    joint = results["joint"].outcomes
    for key, certified in joint.items():
        if not key.startswith("certified ") or "headline" in key:
            continue
        cell = key.removeprefix("certified ")
        eps, _, radius = cell.partition("x")
        assert not (certified & ~joint[cell]).any()
        if eps != "0":
            assert not (certified & ~results["input"].outcomes[f"linf@{eps}"]).any()
        if radius != "0":
            assert not (certified & ~results["weight"].outcomes[radius]).any()
    assert joint["certified 0x0"].any()


def test_no_alternative_beats_the_joint_ascent(report):
    protocol = report.results["joint"].protocol
    assert protocol["pairs with a joint ascent"] > 0
    as_strong = protocol["joint ascent at least as strong as every alternative"]
    assert as_strong >= 0.99 * protocol["pairs with a joint ascent"]
    assert sum(protocol["strongest candidates"].values()) == len(EPS) * len(RADII)


def test_a_joint_attack_finds_more_than_both_alone_together(report_of):
    """Not so for every model; but if it were so for none, the joint ascent would be useless."""
    gains = []
    for report in map(report_of, DIGITS):
        alone = report.per_example["input"] & report.per_example["weight"]
        gains.append(int(alone.sum()) - int(report.per_example["joint"].sum()))
    assert max(gains) > 0


def test_the_shared_weights_lie_in_their_ball(zoo, digits):
    model, data = zoo("digits/mlp-pgd-at"), digits.head(30)
    found = attack_joint(
        model, data.images, data.labels, eps=0.1, radius=0.02, steps=10, effort="quick"
    )
    orders = ("input", "weight then input", "input then weight", "joint")
    left = {each.search: each.n_robust for each in found.searches}
    assert set(left) == set(orders)
    assert found.strongest in orders
    assert left[found.strongest] == min(left.values()) == found.n_robust
    if found.weights:
        ball = WeightBall(select_weights(model), 0.02)
        assert float(ball.excess(found.weights)) <= 1e-6
    assert found.robust.dtype == torch.bool


@pytest.mark.parametrize("name", ["digits/mlp-standard", "digits/cnn-pgd-at"])
def test_the_images_prove_what_is_broken(zoo, digits, name):
    model, data, eps = zoo(name), digits.head(30), 0.1
    found = attack_joint(
        model, data.images, data.labels, eps=eps, radius=0.02, steps=10, effort="quick"
    )
    ball = InputBall(data.images, "linf", eps)
    assert float(ball.excess({IMAGES: found.images}).amax()) <= 1e-6
    logits = torch.func.functional_call(model, found.weights, (found.images,))
    assert torch.equal(logits.argmax(1) == data.labels, found.robust)
    assert 0 < found.robust.sum() < 30


def test_an_attack_at_weights_starts_from_known_images_and_keeps_the_nearest(subject):
    asked = subject("digits/mlp-standard", 40)
    threat = InputThreat("linf", Budget(0.1))
    quick = attack_at_weights(asked, threat, {})
    first = finish_at_weights(asked, threat, quick, "quick")
    assert not (first.robust & ~quick.robust).any()
    again = attack_at_weights(asked, threat, {}, [first.images])
    assert not (again.robust & ~first.robust).any()
    assert 0 < first.n_robust < 40
    nothing = attack_at_weights(asked, threat.at(0.0), {})
    assert torch.equal(nothing.robust, asked.correct())

    def margin(images):
        logits = asked.logits(images)
        own = logits.gather(1, asked.labels[:, None]).squeeze(1)
        return logits.scatter(1, asked.labels[:, None], -torch.inf).amax(1) - own

    robust = first.robust
    assert (margin(first.images)[robust] > margin(asked.images)[robust]).all()


def grid_of(budgets, radii):
    return Grid(
        tuple(InputThreat("linf", Budget(eps)) for eps in budgets),
        tuple(WeightThreat("relative-l2", Budget(radius)) for radius in radii),
    )


GRID = grid_of((0.0, 0.1, 0.4), (0.0, 0.01, 0.02, 0.1))


@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_areas_and_volume_of_a_flat_surface_are_its_height(level):
    flat = np.full((3, 4), level)
    for measure in (GRID.volume, GRID.input_area, GRID.weight_area):
        assert measure(flat) == pytest.approx(level)


def test_areas_and_volume_of_a_slope_are_those_of_the_trapezoid_rule():
    grid, surface = grid_of((0.0, 0.2), (0.0, 0.05)), np.array([[1.0, 0.0], [1.0, 0.0]])
    assert grid.volume(surface) == pytest.approx(0.5)
    assert grid.weight_area(surface) == pytest.approx(0.5)
    assert grid.input_area(surface) == pytest.approx(1.0)


def test_a_certified_example_that_is_broken_is_an_error():
    grid = grid_of((0.0, 0.1), (0.0, 0.01))
    yes, no = torch.tensor([True, True]), torch.tensor([True, False])
    sound, unsound = [[yes, yes], [yes, no]], [[yes, yes], [yes, yes]]
    Envelope(sound, "").require_below(grid, sound)
    with pytest.raises(RuntimeError, match=r"1 certified examples were broken at linf 0\.1"):
        Envelope(unsound, "").require_below(grid, sound)


def test_the_envelopes_meet_at_no_budget_and_part_as_both_grow(report):
    joint = report.results["joint"]
    attacked, certified = joint.curves
    assert attacked.x == certified.x == [0, *SHARES, 1]
    above, below = (np.array([s.value for s in curve.y]) for curve in (attacked, certified))
    assert above[0] == below[0] > 0.9
    assert (np.diff(above) <= 0).all()
    assert (np.diff(below) <= 0).all()
    assert (below <= above).all()
    assert above[-1] == joint.scores["robust_accuracy"].value
    assert below[1] > 0.3, "what proves nothing is not put to the test by the attack"
    assert joint.scores["envelope_gap"].value == pytest.approx(
        np.trapezoid(above - below, attacked.x)
    )
    half = joint.scores["certified_share"].value
    shares = np.array(attacked.x)
    assert below[shares <= half].min() >= 0.5 > below[shares > half * 2**0.25].max()
    outcomes = joint.outcomes
    for share in attacked.x:
        proof = outcomes[f"certified {share:g} of the headline"]
        assert not (proof & ~outcomes[f"attacked {share:g} of the headline"]).any()


@pytest.mark.parametrize("edge", [1.5, 1.0, 0.3, 2**-10, 2**-16, 2**-17, 0.0])
def test_the_largest_share_is_found_to_a_quarter_of_an_octave(edge):
    found = largest_share(lambda share: share <= edge)
    if edge < 2**-16:
        assert found == 0
    else:
        assert found <= edge
        assert found == 1 or found * 2**0.25 > edge


def test_a_certified_example_that_is_broken_on_the_way_is_an_error():
    yes, no = torch.tensor([True, True]), torch.tensor([True, False])
    threat = JointThreat(GRID.inputs[1], GRID.weights[1])
    Diagonal(threat, (0.0, 1.0), [yes, no], [yes, no], 0.1).require_below()
    with pytest.raises(RuntimeError, match="1 certified examples were broken at 1 of the headline"):
        Diagonal(threat, (0.0, 1.0), [yes, yes], [yes, no], 0.1).require_below()


def test_shares_that_do_not_ascend_are_refused(battery):
    for shares in ([0.2, 0.1], [0.1, 0.1]):
        with pytest.raises(ValueError, match=r"joint\.shares must ascend"):
            battery(joint={"shares": shares})


def test_a_model_without_a_certificate_says_why(digits, battery):
    data = digits.head(12)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.GELU(), nn.Linear(20, 10))
    report = evaluate(model, data.images, data.labels, battery(), ["joint"])
    joint = report.results["joint"]
    reason = str(joint.protocol["certificate"])
    assert reason.startswith("none: no bound is known for the operation")
    assert not {"certified_accuracy", "certified_share", "envelope_gap"} & set(joint.scores)
    assert not joint.curves
    assert len(joint.surfaces) == 1


def test_the_joint_probe_needs_the_budgets_of_the_other_two(zoo, digits, battery):
    data = digits.head(8)
    chosen = battery(joint={"linf": [0.07], "headline_linf": 0.07})
    with pytest.raises(InputError, match=r"joint\.linf = 0\.07 is not one of its budgets"):
        evaluate(zoo("digits/mlp-standard"), data.images, data.labels, chosen, ["joint"])
    alone = load_battery("digits-v1")
    alone = alone.model_copy(update={"probes": {"joint": alone.probes["joint"]}})
    with pytest.raises(InputError, match=r"needs a battery with an input and a weight probe"):
        evaluate(zoo("digits/mlp-standard"), data.images, data.labels, alone, ["joint"])
