"""Landscapes: what a direction is, what stands at its origin, and the plane around an image."""

import copy
import math

import pytest
import torch
from torch import nn

from benchmark.landscape import (
    LandscapeSettings,
    decision_surfaces,
    filter_normalized,
    loss_curves,
    loss_grid,
    measure_landscape,
)
from benchmark.landscape.curves import even
from benchmark.landscape.landscape import loss_increases
from benchmark.landscape.results import LossCurves
from benchmark.measures.robust_loss import RobustLoss
from benchmark.objectives import cross_entropy
from benchmark.spaces import select_weights
from benchmark.subject import Subject, subject_of
from models_zoo.errors import InputError

ROBUST = RobustLoss(0.1, 3)
ALPHAS = [-0.5, 0.0, 0.5]
QUICK = LandscapeSettings(
    0.1, steps=2, directions=2, points=5, contour=3, decisions=2, decision_points=5
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def curves(asked, loss=ROBUST, alphas=ALPHAS, directions=2):
    return loss_curves(asked, loss, alphas, directions, lambda: None)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def test_every_filter_of_a_direction_is_as_long_as_the_model_s():
    model = network()
    with torch.no_grad():
        model[0].weight[2] = 0
    weights = select_weights(model, "kernels")
    direction = filter_normalized(weights, generator())
    for name, weight in weights.items():
        own, drawn = (each.flatten(1).norm(dim=1) for each in (weight, direction[name]))
        torch.testing.assert_close(drawn, own)
    assert not direction["0.weight"][2].any(), "a filter of zeros does not move"


def test_directions_are_gaussian_before_they_are_scaled():
    weights = {"w": torch.ones(200, 400)}
    entries = filter_normalized(weights, generator())["w"].flatten()
    assert entries.mean().abs() < 0.02
    assert entries.std() == pytest.approx(1, abs=0.02)
    assert (entries.pow(4).mean() / entries.var() ** 2).item() == pytest.approx(3, abs=0.1)
    other = filter_normalized(weights, generator(1))["w"].flatten()
    assert torch.dot(entries, other).abs() / entries.norm() / other.norm() < 0.02


def test_tensors_of_one_dimension_do_not_move(digits):
    model, some = network(), digits.head(8)
    moving = []

    class Watched(Subject):
        def at(self, weights):
            moving.append(set(weights))
            return super().at(weights)

    asked = Watched(model.eval().requires_grad_(False), some.images, some.labels)
    curves(asked, RobustLoss(0.0))
    assert moving
    assert all(names == {"0.weight", "4.weight"} for names in moving)


@pytest.mark.parametrize("model", ["digits/mlp-standard", "digits/cnn-pgd-at"])
def test_at_the_origin_stands_the_model_s_own_loss(subject, model):
    asked = subject(model, 30)
    found = curves(asked)
    clean = float(cross_entropy(asked.logits(), asked.labels).double().mean())
    robust = float(RobustLoss(0.1, 3)(subject(model, 30)).losses.double().mean())
    assert [row[1] for row in found.clean] == [clean, clean]
    assert [row[1] for row in found.robust] == [robust, robust], "flatness has the same reference"
    assert all(row[0] != clean != row[2] for row in found.clean)


def test_adversarial_examples_are_made_anew_at_every_point(subject):
    asked = subject("digits/cnn-standard", 30)
    found = curves(asked, directions=1)
    weights = select_weights(asked.model, "kernels")
    direction = filter_normalized(weights, asked.generator("landscape", "direction", 0))
    there = asked.at({name: w + 0.5 * direction[name] for name, w in weights.items()})
    assert found.robust[0][2] == float(ROBUST(there).losses.double().mean())
    assert found.robust[0][2] > found.clean[0][2]


def test_the_grid_crosses_the_curves(subject):
    asked = subject("digits/mlp-pgd-at", 20)
    along = curves(asked)
    grid = loss_grid(asked, ROBUST, ALPHAS, lambda: None)
    for kind in ("robust", "clean"):
        plane = getattr(grid, kind)
        assert plane[1] == pytest.approx(getattr(along, kind)[0])
        assert [row[1] for row in plane] == pytest.approx(getattr(along, kind)[1])


def test_scaling_relu_filters_changes_no_curve(zoo, digits):
    data, model = digits.head(30), zoo("digits/cnn-standard")
    other = copy.deepcopy(model)
    factors = torch.tensor([0.25, 4.0]).repeat(16)
    with torch.no_grad():
        other.network.conv1.weight *= factors.view(-1, 1, 1, 1)
        other.network.conv1.bias *= factors
        other.network.conv2.weight /= factors.view(1, -1, 1, 1)
    # Only the first layer's filters are rescaled one by one, so only they may move here: how long a
    # filter of the second is depends on how its inputs are scaled.
    found = []
    for each in (model, other):
        weights = {"network.conv1.weight": each.network.conv1.weight.detach()}
        direction = filter_normalized(weights, generator(5))
        there = {name: w + 0.5 * direction[name] for name, w in weights.items()}
        found.append(Subject(each, data.images, data.labels).at(there).logits())
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-4)


def test_scaling_a_whole_relu_layer_changes_no_curve(zoo, digits):
    data, model = digits.head(30), zoo("digits/mlp-standard")
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.network.linear1.weight *= 8
        other.network.linear1.bias *= 8
        other.network.linear2.weight /= 8
    one, two = (curves(Subject(each, data.images, data.labels)) for each in (model, other))
    for kind in ("robust", "clean"):
        torch.testing.assert_close(
            torch.tensor(getattr(one, kind)), torch.tensor(getattr(two, kind)), rtol=1e-4, atol=1e-6
        )


def test_places_hold_the_origin_and_the_summary_s_distances_exactly():
    assert even(5) == [-1, -0.5, 0, 0.5, 1]
    assert 0.0 in even(21, 16 / 255)
    settings = LandscapeSettings(0.1, points=7)
    assert {-1.0, -0.5, 0.0, 0.5, 1.0} <= set(settings.alphas)
    assert settings.alphas == sorted(settings.alphas)
    assert len(LandscapeSettings(0.1).alphas) == 21


def test_increases_are_means_over_signs_and_directions():
    increases = loss_increases(
        LossCurves(
            alphas=[-1.0, -0.5, 0.0, 0.5, 1.0],
            robust=[[5.0, 3.0, 1.0, 2.0, 3.0], [7.0, 3.0, 1.0, 4.0, 7.0]],
            clean=[[0.0] * 5, [0.0] * 5],
        )
    )
    found = {(each.loss, each.distance): each.increase for each in increases}
    assert found["robust", 1.0].value == pytest.approx((3 + 6) / 2)
    assert found["robust", 0.5].value == pytest.approx((1.5 + 2.5) / 2)
    assert found["robust", 1.0].n == 2
    assert found["robust", 1.0].low < 3 < 6 < found["robust", 1.0].high
    assert found["clean", 1.0].value == 0


def test_a_decision_surface_is_the_margin_in_the_plane_of_its_signs(subject):
    asked = subject("digits/cnn-pgd-at", 20)
    (surface,) = decision_surfaces(asked, 0.2, 1, 5, lambda: None)
    image, label = asked.images[:1].clone().requires_grad_(True), asked.labels[:1]
    cross_entropy(asked.model(image), label).sum().backward()
    signs = asked.generator("landscape", "decision", surface.example)
    random = 2 * torch.randint(2, image.shape, generator=signs) - 1
    assert (surface.example, surface.label) == (0, int(label))
    assert surface.offsets == pytest.approx([-0.2, -0.1, 0, 0.1, 0.2])
    for i, b in enumerate(surface.offsets):
        for j, a in enumerate(surface.offsets):
            logits = asked.model(asked.images[:1] + a * image.grad.sign() + b * random)[0]
            rest = torch.cat([logits[: int(label)], logits[int(label) + 1 :]])
            expected = float(logits[int(label)] - rest.max())
            assert surface.margin[i][j] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    middle = surface.margin[2]
    assert middle[4] < middle[2] < middle[0], "the gradient leads to the boundary"


def test_decisions_begin_with_what_is_classified_correctly(subject):
    asked = subject("digits/mlp-standard", 10)
    labels = asked.labels.clone()
    labels[0] = (labels[0] + 1) % 10
    some = asked.on(asked.images[:3], labels[:3])
    found = decision_surfaces(some, 0.1, 9, 3, lambda: None)
    assert [surface.example for surface in found] == [1, 2, 0]
    assert [surface.margin[1][1] > 0 for surface in found] == [True, True, False]
    assert found[-1].predicted != found[-1].label


def test_the_whole_landscape_ticks_as_often_as_it_says_and_leaves_the_model_alone(digits):
    model, data, ticks = network(), digits.head(6), []
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state = torch.get_rng_state()
    with subject_of(model, data.images, data.labels, batch_size=4) as asked:
        found = measure_landscape(asked, QUICK, lambda: ticks.append(1))
    assert len(ticks) == QUICK.measured == 2 * 5 + 9 + 2
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.training
    assert found.contour is not None
    assert len(found.decisions) == 2
    assert found.curves.robust[0][2] == found.contour.robust[1][1]


def test_the_same_seed_gives_the_same_landscape_whatever_the_batches(subject):
    one, same, other = (
        measure_landscape(subject(count=12, seed=seed, batch_size=size), QUICK)
        for seed, size in ((0, 256), (0, 5), (1, 256))
    )
    for first, second in zip(one.curves.robust, same.curves.robust, strict=True):
        assert first == pytest.approx(second, rel=1e-4)
    assert one.curves.clean[0][0] != pytest.approx(other.curves.clean[0][0], rel=1e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"points": 20}, "points must be odd"),
        ({"points": 1}, "points must be odd and at least 3"),
        ({"contour": 4}, "contour must be odd"),
        ({"contour": -1}, "contour must be odd"),
        ({"directions": 0}, "1 direction"),
        ({"steps": 0}, "1 step"),
        ({"decisions": -1}, "0 decisions"),
        ({"eps": math.inf}, "eps must be finite"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change, reason):
    with pytest.raises(InputError, match=reason):
        LandscapeSettings(**({"eps": 0.1} | change))
