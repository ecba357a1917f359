"""Flatness: orders that must hold, small cases that are known, and the strength of the climb."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import flatness, load_battery
from benchmark.attacks.weights import weight_ball
from benchmark.budgets import Budget
from benchmark.measures.flatness import (
    Ascended,
    Worst,
    average_flatness,
    compare,
    worst_flatness,
)
from benchmark.measures.hessian import Hessian
from benchmark.measures.robust_loss import LossIncrease, RobustLoss
from benchmark.measures.temperature import calibrated_temperature
from benchmark.probes.flatness import FlatnessProbe, FlatnessSettings
from benchmark.probes.weight import WeightProbe, WeightSettings
from benchmark.spaces import WeightBall, select_weights
from benchmark.subject import Subject
from benchmark.threats import WeightThreat

QUICK: dict[str, Any] = {
    "input_steps": 5,
    "draws": 3,
    "restarts": 1,
    "epochs": 4,
    "average_radii": [],
    "worst_radii": [],
    "measure_examples": 0,
}


def ball_of(subject, radius, geometry="relative-l2", rule="no-normalization"):
    return weight_ball(subject, WeightThreat(geometry, Budget(radius), rule))


def linear_subject():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 4)).double().requires_grad_(False)
    images = torch.rand(30, 1, 3, 3, dtype=torch.float64)
    return Subject(model, images, torch.randint(4, (30,)))


@pytest.mark.parametrize("radius", [0.003, 0.05, 0.5])
@pytest.mark.parametrize("eps", [0.0, 0.1])
@pytest.mark.parametrize("model", ["digits/mlp-standard", "digits/cnn-pgd-at"])
def test_the_worst_case_is_at_least_the_average_in_the_same_ball(subject, model, eps, radius):
    asked, loss = subject(model, 40), RobustLoss(eps, 5)
    ball = ball_of(asked, radius)
    (average,) = average_flatness(asked, [loss], ball, 5)
    (worst,) = worst_flatness(asked, loss, [ball], epochs=5)
    assert float(worst.increase.loss) > float(average.loss.max()) >= float(average.loss.mean())


def test_the_loss_of_an_example_under_attack_does_not_depend_on_the_others(subject):
    asked, loss = subject("digits/cnn-pgd-at", 12), RobustLoss(0.2, 2)
    rows = torch.arange(11, -1, -2)
    some, whole = loss(asked.take(rows)).losses, loss(asked).losses
    torch.testing.assert_close(some, whole[rows], rtol=1e-4, atol=1e-6)


def test_random_draws_count_in_the_worst_case_of_their_ball(subject, monkeypatch):
    """Whatever the climb finds: here it finds nothing. Half of the five steps are three."""

    def idle(subject, loss, balls, **_):
        return [Worst(b.origin, subject.images, LossIncrease.none(loss(subject))) for b in balls]

    monkeypatch.setattr("benchmark.probes.flatness.probe.worst_flatness", idle)
    settings: dict[str, Any] = QUICK | {"average_radius": 0.5, "average_radii": [2.0]}
    asked = subject(count=20)
    for radius in (0.4, 0.5):
        result = FlatnessProbe(FlatnessSettings(eps=0.1, worst_radius=radius, **settings))(asked)
        for name, loss in (("robust", RobustLoss(0.1, 3)), ("clean", RobustLoss(0.0))):
            (drawn,) = average_flatness(asked, [loss], ball_of(asked, 0.5), 3)
            expected = float(drawn.loss.max()) if radius == 0.5 else 0.0
            assert result.scores[f"worst_{name}"].value == expected


def test_the_worst_case_never_falls_with_the_radius(subject):
    asked, loss = subject(count=40), RobustLoss(0.05, 5)
    balls = [ball_of(asked, radius) for radius in (0.0, 0.001, 0.003, 0.01)]
    worst = worst_flatness(asked, loss, balls, epochs=3)
    for ball, each in zip(balls, worst, strict=True):
        assert float(ball.excess(each.weights)) <= 1e-6
    found = [float(each.increase.loss) for each in worst]
    assert found == sorted(found)
    assert found[1] > found[0] == 0
    unmoved = worst_flatness(asked, loss, balls, restarts=0)
    assert [float(each.increase.loss) for each in unmoved] == [0, 0, 0, 0]


def test_what_the_worst_case_reports_is_measured_again_at_its_weights(subject):
    asked, loss = subject(count=40), RobustLoss(0.1, 5)
    (worst,) = worst_flatness(asked, loss, [ball_of(asked, 0.005)], epochs=3)
    perturbed = asked.at(worst.weights)
    again = nn.functional.cross_entropy(
        perturbed.logits(worst.images), asked.labels, reduction="none"
    )
    assert torch.equal(again, worst.increase.losses)
    increase = again.double().mean() - worst.increase.own.double().mean()
    assert float(increase) == float(worst.increase.loss)
    assert (worst.increase.own >= loss(asked).losses).all(), "the attack of the average counts"
    assert worst.increase.losses.mean() > loss(perturbed).losses.mean()
    assert (worst.images - asked.images).abs().max() <= 0.1 + 1e-6
    assert any(not torch.equal(worst.weights[n], w) for n, w in select_weights(asked.model).items())


@pytest.mark.parametrize("geometry", ["relative-l2", "absolute-linf"])
@pytest.mark.parametrize("minibatch", [None, 128])
def test_the_worst_case_of_a_linear_model_is_nearly_the_closed_form(geometry, minibatch):
    asked, radius = linear_subject(), 1e-4
    weights = select_weights(asked.model)
    moved = {n: w.clone().requires_grad_(True) for n, w in weights.items()}
    loss = nn.functional.cross_entropy(asked.forward(asked.images, moved), asked.labels)
    slopes = dict(zip(moved, torch.autograd.grad(loss, list(moved.values())), strict=True))
    closed = radius * sum(
        float(slopes[n].abs().sum() if geometry == "absolute-linf" else w.norm() * slopes[n].norm())
        for n, w in weights.items()
    )
    ball = WeightBall(weights, radius, geometry)
    (worst,) = worst_flatness(asked, RobustLoss(0.0), [ball], epochs=5, minibatch=minibatch)
    assert 0.99 * closed <= float(worst.increase.loss) <= 1.01 * closed


@pytest.mark.parametrize("eps", [0.0, 0.1])
def test_ten_times_the_steps_hardly_change_the_worst_case(subject, eps):
    asked, loss = subject("digits/mlp-pgd-at", 40), RobustLoss(eps, 10)
    balls = [ball_of(asked, radius) for radius in (0.001, 0.005)]
    few, many = (worst_flatness(asked, loss, balls, epochs=n) for n in (20, 200))
    for short, long in zip(few, many, strict=True):
        # What the attack on 40 images finds varies by 1.5% with its random start.
        assert float(long.increase.loss) < 1.02 * float(short.increase.loss)


def test_images_that_a_longer_attack_found_count_on_both_sides(subject):
    """Otherwise the same weights would have an increase that only the attack explains."""
    asked, loss = subject("digits/cnn-pgd-at", 40), RobustLoss(0.1, 4)
    start, found = loss(asked).images, RobustLoss(0.1, 40)(asked).images
    same = Ascended(select_weights(asked.model), found)
    own, (moved,) = compare(asked, loss, [start], [same])
    assert own.losses.mean() > loss(asked).losses.mean()
    assert abs(float((moved.losses - own.losses).mean())) < 1e-6


def test_the_climb_of_the_whole_set_is_no_weaker_than_the_stochastic_one(subject):
    asked, loss = subject("digits/mlp-pgd-at", 40), RobustLoss(0.1, 5)
    balls = [ball_of(asked, 0.003)]
    (ours,) = worst_flatness(asked, loss, balls, epochs=5)
    (theirs,) = worst_flatness(asked, loss, balls, epochs=5, minibatch=16, restarts=2)
    assert 0 < float(theirs.increase.loss) < 1.02 * float(ours.increase.loss)


@pytest.mark.parametrize("model", ["digits/cnn-standard", "digits/mlp-pgd-at"])
def test_the_worst_case_is_at_least_what_the_weight_probe_finds_in_its_ball(zoo, digits, model):
    """With few steps, so that neither search ends at a maximum, and at a radius of both probes."""
    data, battery = digits.head(40), load_battery("digits-v1")
    settings: dict[str, Any] = QUICK | {"eps": 0.05, "epochs": 2, "worst_radius": 0.05}
    weight = WeightSettings(radii=(Budget(0.02), Budget(0.05)), headline=Budget(0.05), steps=6)
    asked = Subject(zoo(model), data.images, data.labels)
    found = WeightProbe(weight)(asked).scores["worst_loss"].value
    probes = {**battery.probes, "weight": weight}
    flat = FlatnessProbe(FlatnessSettings(**settings), probes)(asked)
    own = float(nn.functional.cross_entropy(asked.logits(), asked.labels))
    assert flat.scores["worst_clean"].value >= found - own - 1e-5


def test_a_wider_ball_leads_to_more_than_the_ball_alone(subject, monkeypatch):
    asked, loss = subject("digits/cnn-pgd-at", 60), RobustLoss(0.1, 5)
    balls = [ball_of(asked, 0.02)]
    (with_wider,) = worst_flatness(asked, loss, balls, epochs=6)
    monkeypatch.setattr("benchmark.measures.flatness.WIDER", 1.0)
    (alone,) = worst_flatness(asked, loss, balls, epochs=6)
    assert float(with_wider.increase.loss) > 1.02 * float(alone.increase.loss)


def test_draws_at_several_radii_lie_on_lines(subject):
    asked = subject(count=20)
    seen: dict[float, list[dict[str, torch.Tensor]]] = {0.1: [], 0.2: []}

    class Watched(RobustLoss):
        def __call__(self, subject):
            if subject.weights:
                seen[radius].append(dict(subject.weights))
            return super().__call__(subject)

    for radius in seen:
        average_flatness(asked, [Watched(0.0)], ball_of(asked, radius), 2)
    for near, far in zip(seen[0.1], seen[0.2], strict=True):
        for name, own in select_weights(asked.model).items():
            torch.testing.assert_close(2 * (near[name] - own), far[name] - own)
    first, second = (draws["network.linear1.weight"] for draws in seen[0.1])
    assert not torch.equal(first, second)


def test_average_flatness_of_a_smooth_network_is_half_the_relative_trace_times_the_square():
    """Two ways to the same number: losses along random directions, and second derivatives."""
    torch.manual_seed(0)
    layers = nn.Flatten(), nn.Linear(9, 20), nn.Tanh(), nn.Linear(20, 4)
    model = nn.Sequential(*layers).double().requires_grad_(False)
    images = torch.rand(40, 1, 3, 3, dtype=torch.float64)
    asked = Subject(model, images, torch.multinomial(model(images).softmax(1), 1).squeeze(1))
    trace = float(Hessian(asked, relative=True).traces(400).mean())
    radius = 0.2
    ball = ball_of(asked, radius, rule="kernels")
    (increase,) = average_flatness(asked, [RobustLoss(0.0)], ball, 1500)
    error = float(increase.loss.std()) / 1500**0.5
    expected = radius**2 / 2 * trace
    assert error < 0.1 * expected
    assert abs(float(increase.loss.mean()) - expected) < 4 * error


def test_the_robust_loss_is_at_least_the_clean_one(subject):
    asked = subject(count=40)
    robust, clean = RobustLoss(0.1, 5)(asked), RobustLoss(0.0)(asked)
    assert (robust.losses >= clean.losses - 1e-6).sum() >= 38
    assert robust.losses.mean() > clean.losses.mean()
    assert (robust.wrong | ~clean.wrong).all(), "what is wrong without an attack is wrong with one"
    assert robust.wrong.sum() > clean.wrong.sum()
    assert (robust.images - asked.images).abs().max() <= 0.1 + 1e-6


def test_errors_rise_with_the_loss_where_weights_are_shaken(zoo, digits):
    data, settings = digits.head(60), QUICK | {"worst_radius": 0.03, "average_radius": 1.0}
    scores = flatness(zoo("digits/cnn-pgd-at"), data.images, data.labels, eps=0.1, **settings)
    assert 0 < scores["worst_error"].value <= 1
    assert 0 < scores["average_error"].value <= 1
    assert scores["average_error"].n == 3
    assert scores["average_error"].low < scores["average_error"].high


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_calibrated_flatness_does_not_see_the_scale_of_the_logits(zoo, digits, factor):
    data = digits.head(40)
    labels = data.labels.clone()
    labels[::8] = (labels[::8] + 1) % 10
    model = zoo("digits/mlp-standard")
    louder = nn.Sequential(model, Scaled(factor))
    settings: dict[str, Any] = QUICK | {"eps": 0.02, "worst_radius": 0.01}
    before = flatness(model, data.images, labels, **settings)
    after = flatness(louder, data.images, labels, **settings)
    for case in ("average", "worst"):
        name = f"{case}_calibrated"
        assert after[name].value == pytest.approx(before[name].value, rel=1e-4), name
        assert after[f"{case}_clean"].value != pytest.approx(before[f"{case}_clean"].value, rel=0.3)


class Scaled(nn.Module):
    """Multiplies logits."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, logits):
        return self.factor * logits


@pytest.mark.parametrize("true", [0.5, 3.0])
def test_the_temperature_is_found_that_labels_were_drawn_with(true):
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(20000, 10, generator=generator)
    labels = torch.multinomial((logits / true).softmax(1), 1, generator=generator).squeeze(1)
    found = calibrated_temperature(logits, labels)
    assert found == pytest.approx(true, rel=0.05)
    assert calibrated_temperature(8 * logits, labels) == pytest.approx(8 * found, rel=1e-6)


def test_a_model_without_an_error_or_without_a_guess_has_a_finite_temperature():
    labels = torch.arange(10).repeat(3)
    perfect = 5 * nn.functional.one_hot(labels, 10).float()
    assert 0.1 < calibrated_temperature(perfect, labels) < 5
    wrong = 5 * nn.functional.one_hot((labels + 1) % 10, 10).float()
    assert 100 < calibrated_temperature(wrong, labels) < float("inf")
    assert calibrated_temperature(torch.ones(30, 10), labels) == 1


def test_flatness_looks_at_the_first_examples_only(zoo, digits):
    data, other = digits.head(20), digits.head(40)
    settings: dict[str, Any] = QUICK | {"eps": 0.05, "examples": 20, "measure_examples": 20}
    settings |= {"lanczos_steps": 5, "trace_draws": 2}
    model = zoo("digits/mlp-standard")
    assert flatness(model, data.images, data.labels, **settings) == flatness(
        model, other.images, other.labels, **settings
    )


def test_every_example_s_own_losses_are_kept_and_add_up_to_the_scores(subject):
    """Whoever wants a median or a cap instead of the mean finds what it takes."""
    asked = subject(count=20)
    result = FlatnessProbe(FlatnessSettings(eps=0.1, **QUICK))(asked)
    for name in ("robust", "clean", "calibrated"):
        own, average, worst = (
            np.array(result.values[f"{name} loss{what}"])
            for what in ("", ", mean over random weights", ", worst weights")
        )
        attacked_alike = result.values.get(f"{name} loss, with the attacks of the worst weights")
        below = own if attacked_alike is None else np.array(attacked_alike)
        assert (below is own) == (name == "clean")
        assert own.shape == average.shape == worst.shape == below.shape == (20,)
        for case, losses in (("average", average - own), ("worst", worst - below)):
            increase = result.scores[f"{case}_{name}"].value
            assert losses.mean() == pytest.approx(increase, rel=1e-6)
            assert increase != 0


def test_curves_begin_at_zero_and_pass_through_the_scores(zoo, digits):
    data = digits.head(12)
    settings: dict[str, Any] = QUICK | {"average_radii": [0.25], "worst_radii": [0.001, 0.005]}
    probe = FlatnessProbe(FlatnessSettings(eps=0.05, **settings))
    result = probe(Subject(zoo("digits/cnn-standard"), data.images, data.labels))
    curves = {(curve.picture, curve.series): curve for curve in result.curves}
    assert len(curves) == 8
    for case, radii in (("average", [0, 0.25, 0.5]), ("worst", [0, 0.001, 0.003, 0.005])):
        at = radii.index(0.5 if case == "average" else 0.003)
        for loss in ("robust", "clean"):
            curve = curves[f"{case}_case_loss", loss]
            assert curve.x == radii
            assert curve.y[0].value == 0
            assert curve.y[at] == result.scores[f"{case}_{loss}"]
        curve = curves[f"{case}_case_error", "robust"]
        assert curve.y[at] == result.scores[f"{case}_error"]
    worst = [score.value for score in curves["worst_case_loss", "clean"].y]
    assert all(after >= before for before, after in pairwise(worst))
    stated = (result.protocol[key] for key in ("mean confidence", "calibrated temperature"))
    confidence, temperature = (each for each in stated if isinstance(each, float))
    assert 0 < confidence <= 1
    assert temperature > 0
