"""No model is ever asked with weights or images outside the set, whatever the ascent is doing."""

import pytest
import torch

from benchmark.measures.flatness import WIDER
from benchmark.spaces import WeightBall, select_weights
from benchmark.spaces.selection import NORMALIZATION
from benchmark.spaces.weights import GEOMETRIES

ROUNDING = 1e-6


def in_radii(geometry, own, moved):
    """The definitions of the balls once more: each block's length over its bound at radius 1."""
    apart = {name: moved[name].double() - own[name].double() for name in moved}
    if geometry == "network-l2":
        lengths = [torch.stack([t[n].double().norm() for n in apart]).norm() for t in (apart, own)]
        return lengths[0] / lengths[1]
    parts = []
    for name, displacement in apart.items():
        weight = own[name].double()
        if geometry == "filter-l2" and weight.ndim > 1:
            size, unit = (t.flatten(1).norm(dim=1) for t in (displacement, weight))
        elif geometry.endswith("linf"):
            size, unit = displacement.abs(), weight.abs()
        else:
            size, unit = displacement.norm(), weight.norm()
        if geometry.startswith("absolute"):
            unit = torch.ones_like(unit)
        assert not size[unit == 0].any()
        parts.append((size / unit)[unit > 1e-6 * weight.abs().amax()].flatten())
    return torch.cat(parts).amax()


def assert_inside(passes, ball):
    perturbed = [weights for _, weights in passes if weights]
    assert len(perturbed) >= 3
    for weights in perturbed:
        assert set(weights) <= set(ball.weights), "a tensor moved that the rule leaves out"
        assert float(ball.excess(ball.origin | weights)) <= ROUNDING
    furthest = max(float(in_radii(ball.geometry, ball.weights, each)) for each in perturbed)
    assert 0.5 * ball.radius < furthest <= ball.radius * (1 + 1e-2)  # w + v rounds, and w >> v


def assert_images_near(passes, allowed, eps):
    for images, _ in passes:
        assert 0 <= float(images.min()) <= float(images.max()) <= 1
        apart = torch.cdist(images.flatten(1), allowed.flatten(1), p=float("inf"))
        assert float(apart.amin(1).max()) <= eps + ROUNDING


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_weight_attacks(network, ask, passes, geometry):
    radius = network.radius * (0.1 if geometry.startswith("absolute") else 1)
    ask("weight", network, radius=radius, geometry=geometry)
    assert_inside(passes, WeightBall(select_weights(network.model), radius, geometry))
    assert_images_near(passes, network.images, 0)


@pytest.mark.parametrize("rule", ["kernels", "all"])
def test_the_rule_decides_which_tensors_move(network, ask, passes, rule):
    ask("weight", network, rule=rule)
    chosen = select_weights(network.model, rule)
    assert_inside(passes, WeightBall(chosen, network.radius))
    assert {frozenset(weights) for _, weights in passes if weights} == {frozenset(chosen)}


def test_joint_attacks(network, ask, passes):
    ask("joint", network)
    assert_inside(passes, WeightBall(select_weights(network.model), network.radius))


@pytest.mark.parametrize("geometry", ["relative-linf", "absolute-linf"])
def test_backdoors(network, ask, passes, geometry):
    budget = network.change * (1 if geometry.startswith("relative") else 0.01)
    ask("backdoor", network, radius=budget, geometry=geometry, steps=25)
    assert_inside(passes, WeightBall(select_weights(network.model), budget, geometry))
    assert all(0 <= float(x.min()) <= float(x.max()) <= 1 for x, _ in passes if len(x))


@pytest.mark.parametrize(("case", "wider"), [("average flatness", 1.0), ("worst flatness", WIDER)])
def test_flatness(network, ask, passes, case, wider):
    """The search for the worst case comes back from a wider ball; what it reports is verified."""
    ask(case, network)
    assert_inside(passes, WeightBall(select_weights(network.model), wider * network.radius))
    assert_images_near(passes, network.images, network.eps)


def test_divergence(network, ask, passes):
    ask("divergence", network)
    assert len(passes) >= 4
    assert not any(weights for _, weights in passes)
    assert_images_near(passes, network.images, network.eps)


def test_batch_norm_is_left_out_of_every_ball_but_that_of_all(network):
    """Its running statistics are buffers, which no rule names."""
    owners = dict(network.model.named_modules())
    for rule in ("no-normalization", "kernels"):
        for name in select_weights(network.model, rule):
            assert not isinstance(owners[name.rpartition(".")[0]], NORMALIZATION)
    parameters = dict(network.model.named_parameters())
    assert set(select_weights(network.model, "all")) == set(parameters)
