"""Flatness and divergence: orders that must hold, and small cases that are known."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from benchmark import flatness
from benchmark.attacks.weights import WeightBudget
from benchmark.measures.divergence import maximum_divergence
from benchmark.measures.flatness import (
    RobustLoss,
    average_flatness,
    climb_epochs,
    worst_flatness,
)
from benchmark.objectives import divergence
from benchmark.spaces import WeightBall, select_weights
from benchmark.subject import Subject

EFFORT: dict[str, Any] = {"restarts": 2, "epochs": 5, "minibatch": 128, "purpose": "test"}


@pytest.mark.parametrize("radius", [0.003, 0.01, 0.05])
@pytest.mark.parametrize("eps", [0.0, 0.1])
@pytest.mark.parametrize("model", ["digits/mlp-standard", "digits/cnn-pgd-at"])
def test_the_worst_case_is_at_least_the_average_in_the_same_ball(subject, model, eps, radius):
    asked, loss = subject(model, 40), RobustLoss(eps, 5)
    ball = WeightBudget("relative-l2", "no-normalization").ball(asked, radius)
    average = average_flatness(asked, loss, ball, 5, "test")
    worst = worst_flatness(asked, loss, ball, **EFFORT)
    assert float(worst) > float(average.mean())
    assert float(worst) > float(average.max())


def test_the_worst_case_grows_with_the_radius(subject):
    asked, loss = subject(count=40), RobustLoss(0.05, 5)
    found = [
        float(
            worst_flatness(
                asked,
                loss,
                WeightBudget("relative-l2", "no-normalization").ball(asked, r),
                **EFFORT,
            )
        )
        for r in (0.001, 0.003, 0.01)
    ]
    assert found == sorted(found)
    assert found[0] > 0


def test_the_weights_climbed_to_stay_in_their_ball(subject):
    asked = subject(count=40)
    ball = WeightBudget("relative-l2", "no-normalization").ball(asked, 0.003)
    for minibatch in (16, 128):
        weights = climb_epochs(asked, 0.1, ball, ball.origin, 2, minibatch)
        assert float(ball.excess(weights)) <= 1e-6
        assert any(not torch.equal(weights[n], w) for n, w in ball.weights.items())


def test_the_worst_case_of_a_linear_model_is_nearly_the_closed_form():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 4)).double().requires_grad_(False)
    images = torch.rand(30, 1, 3, 3, dtype=torch.float64)
    asked = Subject(model, images, torch.randint(4, (30,)))
    weights, radius = select_weights(model), 1e-4
    moved = {n: w.clone().requires_grad_(True) for n, w in weights.items()}
    loss = nn.functional.cross_entropy(asked.forward(images, moved), asked.labels)
    slopes = dict(zip(moved, torch.autograd.grad(loss, list(moved.values())), strict=True))
    closed = radius * sum(float(w.norm() * slopes[n].norm()) for n, w in weights.items())
    worst = worst_flatness(asked, RobustLoss(0.0), WeightBall(weights, radius), **EFFORT)
    assert 0.99 * closed <= float(worst) <= 1.01 * closed


def test_the_robust_loss_is_at_least_the_clean_one(subject):
    asked = subject(count=40)
    assert (RobustLoss(0.1, 5)(asked) >= RobustLoss(0.0)(asked) - 1e-6).sum() >= 38
    assert RobustLoss(0.1, 5)(asked).mean() > RobustLoss(0.0)(asked).mean()


def test_flatness_looks_at_the_first_examples_only(zoo, digits):
    data, other = digits.head(20), digits.head(40)
    settings: dict[str, Any] = {"eps": 0.05, "draws": 2, "restarts": 1, "epochs": 1, "examples": 20}
    model = zoo("digits/mlp-standard")
    assert flatness(model, data.images, data.labels, **settings) == flatness(
        model, other.images, other.labels, **settings
    )


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("normalized", [False, True])
def test_divergence_never_falls_with_the_budget(subject, norm, normalized):
    ladder = maximum_divergence(
        subject(count=30), norm, [0.02, 0.05, 0.1, 0.2], steps=5, normalized=normalized
    )
    for smaller, larger in pairwise(ladder):
        assert (larger >= smaller).all()
    assert float(ladder[-1].mean()) > float(ladder[0].mean()) > 0


def test_divergence_is_found_by_ascent_and_not_by_chance(subject):
    asked = subject(count=30)
    (found,) = maximum_divergence(asked, "linf", [0.1], steps=10)
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * (torch.rand(asked.images.shape, generator=generator) * 2 - 1).sign()
    chance = divergence(
        asked.logits((asked.images + noise).clamp(0, 1)), asked.labels, asked.logits()
    )
    assert float(found.mean()) > 3 * float(chance.mean())


def test_halving_a_small_budget_quarters_the_divergence():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 4)).double().requires_grad_(False)
    images = 0.3 + 0.4 * torch.rand(20, 1, 3, 3, dtype=torch.float64)
    asked = Subject(model, images, torch.zeros(20).long())
    small, large = maximum_divergence(asked, "linf", [1e-3, 2e-3], steps=30)
    assert float((large / small).median()) == pytest.approx(4, rel=0.05)


class Constant(nn.Module):
    """The same logits for every image, with a gradient of zero."""

    def forward(self, images):
        return torch.tensor([[1.0, 2.0, 0.5]]) + 0 * images.flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("normalized", [False, True])
def test_a_constant_classifier_does_not_diverge(normalized):
    asked = Subject(Constant(), torch.rand(5, 1, 2, 2), torch.zeros(5).long())
    (found,) = maximum_divergence(asked, "linf", [0.3], normalized=normalized)
    assert not found.any()


def test_the_adversarially_trained_model_diverges_less(subject):
    standard, robust = (
        maximum_divergence(subject(name, 50), "linf", [0.1], steps=10)[0].mean()
        for name in ("digits/mlp-standard", "digits/mlp-pgd-at")
    )
    assert float(robust) < 0.5 * float(standard)
