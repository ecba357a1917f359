"""What is a maximum never falls when there is more room, more time or another start."""

from itertools import pairwise

import pytest
import torch

from benchmark import evaluate, inject_backdoor
from benchmark.ascent import pgd, whole_set
from benchmark.attacks.weights import worst_weights
from benchmark.budgets import Budget
from benchmark.objectives import cross_entropy
from benchmark.spaces import WeightBall, select_weights
from benchmark.threats import WeightThreat


def test_weight_attacks_in_the_radius(network):
    radii = [scale * network.radius for scale in (0.25, 0.5, 1.0)]
    balls = [WeightThreat("relative-l2", Budget(radius)) for radius in radii]
    found = [each.lowest for each in worst_weights(network.subject(), balls, 3)]
    robust = [each.n_robust for each in found]
    assert robust == sorted(robust, reverse=True)
    assert robust[-1] < int(network.subject().correct().sum())


def test_weight_climbs_in_the_number_of_steps(network):
    """A fixed step visits the same points first, so the best of more of them is no lower."""
    subject = network.subject()
    ball = WeightBall(select_weights(network.model), network.radius)
    loss = whole_set(subject, cross_entropy)
    found = [float(pgd(ball, loss, ball.origin, steps, 0.5).values) for steps in (0, 1, 3, 6)]
    assert found == sorted(found)
    assert found[-1] > found[0]


def test_worst_flatness_in_the_number_of_restarts(network, ask):
    found = [ask("worst flatness", network, restarts=count).harm for count in (1, 3)]
    assert found == sorted(found)


def test_divergence_in_budget_and_restarts(network, measures):
    subject = network.subject()
    ladder = measures.divergence(subject, [scale * network.eps for scale in (0.25, 0.5, 1.0)])
    for smaller, larger in pairwise(ladder):
        assert (larger >= smaller).all()
    one, three = (
        measures.divergence(subject, [network.eps], restarts=count)[0] for count in (1, 3)
    )
    assert (three >= one).all()
    assert float(three.mean()) > float(one.mean())


def test_joint_accuracy_along_both_axes(network, battery):
    linf, radii = [network.eps / 2, network.eps], [network.radius / 4, network.radius]
    chosen = battery(
        input={"linf": linf, "headline_linf": linf[1]},
        weight={"radii": radii, "headline": radii[1], "steps": 3},
        joint={
            "linf": linf,
            "radii": radii,
            "headline_linf": linf[1],
            "headline_radius": radii[1],
            "shares": [0.5],
        },
    )
    few = network.head(8)
    report = evaluate(few.model, few.images, few.labels, chosen, ["joint"], own_data=True)
    surfaces = {each.picture: each for each in report.results["joint"].surfaces}
    z = torch.tensor(surfaces["joint_accuracy"].z)
    assert z.shape == (3, 3)
    assert (z.diff(dim=0) <= 0).all()
    assert (z.diff(dim=1) <= 0).all()
    assert z[-1, -1] < z[0, 0]


@pytest.mark.parametrize("kind", ["mlp", "batch norm"])
def test_backdoors_in_the_budget(networks, digits, request, kind):
    """A far larger budget calls the target up more often, with the same number of steps."""
    model, data = networks(kind, request).model, digits.head(90)
    base, small, large = (
        inject_backdoor(model, data.images, data.labels, radius=budget, steps=40).success
        for budget in (0.0, 0.02, 0.6)
    )
    assert len(base) == len(small) == len(large) > 10
    assert int(base.sum()) <= int(small.sum()) < int(large.sum())
