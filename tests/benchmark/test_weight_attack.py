"""The weight attack against closed forms and orders that must hold."""

import copy
from itertools import pairwise

import pytest
import torch
from torch import nn

from benchmark import attack_weights
from benchmark.attacks.layers import attack_layers
from benchmark.attacks.weights import measured, search_weights, stretched, worst_weights
from benchmark.budgets import Budget
from benchmark.objectives import cross_entropy
from benchmark.spaces import WeightBall, by_layer, select_weights
from benchmark.spaces.weights import GEOMETRIES
from benchmark.subject import Subject
from benchmark.threats import WeightThreat

RADII = {
    "relative-l2": [0.01, 0.03],
    "filter-l2": [0.01, 0.03],
    "network-l2": [0.01, 0.03],
    "relative-linf": [0.01, 0.03],
    "absolute-l2": [0.05, 0.2],
    "absolute-linf": [0.001, 0.004],
}
MODELS = ["digits/mlp-standard", "digits/cnn-pgd-at"]


def threats(radii, geometry="relative-l2"):
    return [WeightThreat(geometry, Budget(radius)) for radius in radii]


def mean_loss(worst):
    return float(worst.losses.double().mean())


def accuracy(worst):
    return float(worst.lowest.robust.double().mean())


@pytest.fixture
def linear():
    """A linear softmax model in float64: a matrix of four filters, and a bias."""
    g = torch.Generator().manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 4)).double().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn(parameter.shape, generator=g))
    images = torch.rand(40, 3, 2, 2, generator=g, dtype=torch.float64)
    return Subject(model, images, torch.randint(4, (40,), generator=g))


def closed_form(geometry, weights, gradients):
    """The increase of a linear function in a ball of radius 1."""
    if geometry == "network-l2":
        size, gradient = (
            torch.cat([tensor.flatten() for tensor in each.values()]).norm()
            for each in (weights, gradients)
        )
        return float(size * gradient)

    def of_tensor(w, g):
        if geometry == "filter-l2" and w.ndim > 1:
            return (w.flatten(1).norm(dim=1) * g.flatten(1).norm(dim=1)).sum()
        return {
            "relative-l2": w.norm() * g.norm(),
            "filter-l2": w.norm() * g.norm(),
            "relative-linf": (w * g).abs().sum(),
            "absolute-l2": g.norm(),
            "absolute-linf": g.abs().sum(),
        }[geometry]

    return sum(float(of_tensor(w, gradients[name])) for name, w in weights.items())


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_loss_of_a_linear_model_rises_by_the_closed_form(linear, geometry):
    weights, radius = select_weights(linear.model), 1e-4
    moved = {n: w.clone().requires_grad_(True) for n, w in weights.items()}
    loss = cross_entropy(linear.forward(linear.images, moved), linear.labels).mean()
    gradients = dict(zip(moved, torch.autograd.grad(loss, list(moved.values())), strict=True))
    closed = radius * closed_form(geometry, weights, gradients)
    (worst,) = search_weights(linear, threats([radius], geometry), 10)
    assert 0.99 * closed <= mean_loss(worst) - float(loss.detach()) <= 1.01 * closed


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("model", MODELS)
def test_accuracy_falls_and_loss_rises_along_the_radii_of_every_geometry(subject, model, geometry):
    asked, radii = subject(model, 30), RADII[geometry]
    found = search_weights(asked, threats([0.0, *radii], geometry), 6)
    for less, more in pairwise(found):
        assert accuracy(more) <= accuracy(less)
        assert mean_loss(more) > mean_loss(less)
    assert accuracy(found[-1]) < accuracy(found[0]), "the largest ball must do something"
    for radius, worst in zip([0.0, *radii], found, strict=True):
        ball = WeightBall(select_weights(asked.model), radius, geometry)
        assert float(ball.excess(worst.lowest.weights)) <= 1e-6


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_radius_zero_is_the_clean_result_exactly(subject, geometry):
    asked = subject(count=30)
    (worst,) = search_weights(asked, threats([0.0], geometry), 6)
    assert torch.equal(worst.losses, cross_entropy(asked.logits(), asked.labels))
    assert torch.equal(worst.lowest.robust, asked.correct())
    for name, tensor in select_weights(asked.model).items():
        assert torch.equal(worst.lowest.weights[name], tensor)


@pytest.mark.parametrize("geometry", ["relative-l2", "filter-l2", "network-l2", "relative-linf"])
def test_the_worst_found_is_worse_than_every_random_direction(subject, geometry):
    asked, radius = subject(count=40), RADII[geometry][-1]
    (worst,) = search_weights(asked, threats([radius], geometry), 10)
    ball = WeightBall(select_weights(asked.model), radius, geometry)
    generator = asked.generator("test")
    for _ in range(10):
        _, logits = measured(asked, ball, ball.sphere(generator))
        assert (logits.argmax(1) == asked.labels).double().mean() >= accuracy(worst)
        assert cross_entropy(logits, asked.labels).double().mean() < mean_loss(worst)


def test_what_is_reported_holds_for_a_model_that_has_these_weights(subject):
    asked = subject("digits/cnn-pgd-at", 40)
    found = attack_weights(asked.model, asked.images, asked.labels, radius=0.03, steps=10)
    model = copy.deepcopy(asked.model)
    model.load_state_dict(found.weights, strict=False)
    assert torch.equal(model(asked.images).argmax(1) == asked.labels, found.robust)
    assert not found.robust.all()


@pytest.mark.parametrize("model", MODELS)
def test_ten_times_the_steps_hardly_raise_the_loss(subject, model):
    asked = subject(model, 25)
    short, long = (search_weights(asked, threats([0.02]), steps)[0] for steps in (10, 100))
    assert mean_loss(long) == pytest.approx(mean_loss(short), rel=0.05)


def test_the_radii_are_searched_once_and_shared(subject):
    asked = subject(count=20)
    first = worst_weights(asked, threats([0.01, 0.02]), 3)
    spent = asked.passes.backwards
    again = worst_weights(asked, threats([0.01, 0.02]), 3)
    assert asked.passes.backwards == spent > 0
    assert again is first


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_stretched_start_lies_at_full_radius_in_the_same_direction(subject, geometry):
    weights = select_weights(subject().model)
    small, large = (WeightBall(weights, radius, geometry) for radius in (0.01, 0.04))
    before = small.sphere(torch.Generator().manual_seed(0))
    start = stretched(large, before)
    assert float(large.excess(start)) <= 1e-6
    for name, weight in weights.items():
        torch.testing.assert_close(
            start[name] - weight, 4 * (before[name] - weight), rtol=1e-3, atol=1e-5
        )


class Tied(nn.Module):
    """Two linear layers that share their matrix."""

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.second.weight = self.first.weight

    def forward(self, images):
        return self.second(self.first(self.flatten(images)).relu())


@pytest.fixture
def tied():
    torch.manual_seed(0)
    model = Tied().requires_grad_(False)
    images = torch.rand(30, 2, 2, 2)
    return Subject(model, images, model(images).argmax(1))


def test_a_shared_matrix_moves_once_and_in_both_places(tied):
    weights = select_weights(tied.model)
    assert set(weights) == {"first.weight", "first.bias", "second.bias"}
    ball = WeightBall(weights, 0.1, "network-l2")
    length = torch.cat([w.flatten() for w in weights.values()]).norm()
    step = ball.steepest(weights)
    total = torch.cat([v.flatten() for v in step.values()]).norm()
    assert float(total) == pytest.approx(0.1 * float(length), rel=1e-5)
    found = attack_weights(tied.model, tied.images, tied.labels, radius=0.3, steps=10)
    assert not found.robust.all()
    other = copy.deepcopy(tied.model)
    other.first.weight.copy_(found.weights["first.weight"])
    other.first.bias.copy_(found.weights["first.bias"])
    other.second.bias.copy_(found.weights["second.bias"])
    assert other.second.weight is other.first.weight
    assert torch.equal(other(tied.images).argmax(1) == tied.labels, found.robust)


def test_layers_are_modules_with_tensors_of_their_own(tied):
    assert by_layer(select_weights(tied.model)) == {
        "first": ["first.weight", "first.bias"],
        "second": ["second.bias"],
    }
    assert by_layer(["a.b.c.weight", "a.b.d.weight"]) == {
        "c": ["a.b.c.weight"],
        "d": ["a.b.d.weight"],
    }
    assert by_layer(["scale", "net.weight"]) == {"network": ["scale"], "net": ["net.weight"]}
    assert by_layer(["net.weight", "net.bias"]) == {"net": ["net.weight", "net.bias"]}


@pytest.mark.parametrize("model", MODELS)
def test_a_layer_alone_does_less_than_the_whole_network(subject, model):
    asked, (threat,) = subject(model, 40), threats([0.05])
    robust = attack_layers(asked, threat, 8)
    assert list(robust) == [
        name.removeprefix("network.")
        for name, module in asked.model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    ]
    (whole,) = search_weights(asked, [threat], 8)
    shares = [float(each.double().mean()) for each in robust.values()]
    assert accuracy(whole) < min(shares) < float(asked.correct().double().mean())


def test_a_layer_that_decides_nothing_is_not_sensitive(digits):
    """One whose output is multiplied by zero."""

    class Blind(nn.Module):
        def __init__(self):
            super().__init__()
            self.seen, self.unseen = nn.Linear(64, 10), nn.Linear(64, 10)

        def forward(self, images):
            return self.seen(images.flatten(1)) + 0 * self.unseen(images.flatten(1))

    torch.manual_seed(0)
    model, images = Blind().requires_grad_(False), digits.head(40).images
    asked = Subject(model, images, model(images).argmax(1))
    robust = attack_layers(asked, threats([0.3])[0], 5)
    assert robust["unseen"].all()
    assert not robust["seen"].all()


def test_layers_at_radius_zero_are_clean(subject):
    asked = subject(count=20)
    for robust in attack_layers(asked, threats([0.0])[0], 5).values():
        assert torch.equal(robust, asked.correct())
