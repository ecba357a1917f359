"""A linear softmax model, where first-order theory says what a small budget can do.

In a small ball the increase of the loss is the dual norm of its gradient times the radius; every
attack must reach 99% of that. ``tests/benchmark/test_ascent.py`` asks the same of the ascents.
"""

import pytest
import torch

from benchmark.ascent import apgd, whole_set
from benchmark.attacks.weights import worst_weights
from benchmark.budgets import Budget
from benchmark.objectives import backdoor_loss, cross_entropy, divergence
from benchmark.spaces import IMAGES, InputBall, ProductSpace, WeightBall, select_weights
from benchmark.spaces.weights import GEOMETRIES
from benchmark.threats import WeightThreat

RADIUS = 1e-4


def by_filter(tensor):
    return tensor.flatten(1).norm(dim=1) if tensor.ndim > 1 else tensor.norm()


DUALS = {
    "relative-l2": lambda w, g: w.norm() * g.norm(),
    "filter-l2": lambda w, g: (by_filter(w) * by_filter(g)).sum(),
    "absolute-l2": lambda w, g: g.norm(),
    "relative-linf": lambda w, g: (w * g).abs().sum(),
    "absolute-linf": lambda w, g: g.abs().sum(),
}


def gain(geometry, weights, slopes):
    """How much a linear function with these slopes gains within radius 1."""
    if geometry == "network-l2":
        joined = [torch.cat([t[n].flatten() for n in weights]).norm() for t in (weights, slopes)]
        return float(joined[0] * joined[1])
    return sum(float(DUALS[geometry](w, slopes[n])) for n, w in weights.items())


def first_order(ball, gradient):
    """The largest increase in a small ball, to first order."""
    return ball.radius * gain(ball.geometry, ball.weights, gradient)


def clean_gradient(subject, ball):
    return whole_set(subject, cross_entropy)(ball.origin, torch.arange(1)).gradient


@pytest.fixture(params=GEOMETRIES)
def ball(request, linear_subject):
    subject = linear_subject()
    return WeightBall(select_weights(subject.model), RADIUS, request.param)


def test_worst_flatness_reaches_the_closed_form(linear_subject, ball, measures):
    subject = linear_subject()
    closed = first_order(ball, clean_gradient(subject, ball))
    worst = measures.worst(subject, 0.0, ball, epochs=5)
    assert 0.99 * closed <= worst <= 1.01 * closed


def test_average_flatness_stays_below_it(linear_subject, ball, measures):
    subject = linear_subject()
    closed = first_order(ball, clean_gradient(subject, ball))
    increases = measures.average(subject, 0.0, ball, draws=20)
    assert float(increases.abs().max()) < 0.9 * closed


def test_a_joint_climb_reaches_the_sum_of_both_closed_forms(linear_subject, ball):
    subject = linear_subject()
    inputs = InputBall(subject.images, "linf", RADIUS)
    space = ProductSpace(inputs, ball)
    loss = whole_set(subject, cross_entropy)
    start = loss(space.origin, torch.arange(1))
    of_inputs = RADIUS * float(start.gradient[IMAGES].abs().sum())
    closed = of_inputs + first_order(ball, start.gradient)
    increase = float((apgd(space, loss, space.origin, 20).values - start.values).squeeze())
    assert 0.99 * closed <= increase <= 1.01 * closed


def test_a_climb_towards_a_backdoor_reaches_the_closed_form(linear_subject, ball):
    subject = linear_subject()
    clean, triggered = subject.logits(), torch.arange(len(subject)) % 2 == 0
    loss = whole_set(subject, backdoor_loss, clean, triggered)
    start = loss(ball.origin, torch.arange(1))
    increase = float((apgd(ball, loss, ball.origin, 20).values - start.values).squeeze())
    closed = first_order(ball, start.gradient)
    assert 0.99 * closed <= increase <= 1.01 * closed


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_weight_attack_turns_an_example_at_the_radius_theory_gives(linear_subject, geometry):
    """One example: its margin is linear in the weights, so the radius that turns it is known."""
    subject = linear_subject(count=1)
    logits = subject.logits()
    subject.labels[:] = logits.argmax(1)
    runner = logits.topk(2).indices[:, 1]
    weights = {n: w.clone().requires_grad_(True) for n, w in select_weights(subject.model).items()}
    out = subject.forward(subject.images, weights)
    margin = (out.gather(1, subject.labels[:, None]) - out.gather(1, runner[:, None])).sum()
    slopes = dict(zip(weights, torch.autograd.grad(margin, list(weights.values())), strict=True))
    needed = float(margin.detach()) / gain(
        geometry, {n: w.detach() for n, w in weights.items()}, slopes
    )
    balls = [WeightThreat(geometry, Budget(share * needed)) for share in (0.99, 1.01)]
    below, above = (found.lowest for found in worst_weights(subject, balls, 20))
    others = logits.topk(3).values
    if float(others[0, 1] - others[0, 2]) > 0.1 * float(margin.detach()):
        assert below.robust.all(), "no third class is near enough to be turned to instead"
    assert not above.robust.any()


def test_divergence_between_two_classes_reaches_the_closed_form(linear_subject, measures):
    """The logit difference moves by at most ``eps * |w1 - w0|_1``, to either side."""
    subject, eps = linear_subject(classes=2), 0.05
    clean = subject.logits()
    weight = subject.model[1].weight
    reach = eps * (weight[1] - weight[0]).abs().sum()
    moved = [clean + side * reach * torch.tensor([0.0, 1.0]).to(clean) for side in (-1, 1)]
    closed = torch.stack([divergence(each, subject.labels, clean) for each in moved]).amax(0)
    (found,) = measures.divergence(subject, [eps], steps=20, restarts=12)  # a start picks a side
    assert (found >= 0.99 * closed).all()
    assert (found <= 1.0001 * closed).all()
