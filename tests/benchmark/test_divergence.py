"""The largest divergence of a prediction: orders that must hold, and small cases that are known."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from benchmark.measures.divergence import maximum_divergence
from benchmark.objectives import divergence
from benchmark.probes.intrinsic import IntrinsicProbe, IntrinsicSettings
from benchmark.subject import Subject


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("normalized", [False, True])
def test_divergence_never_falls_with_the_budget(subject, norm, normalized):
    ladder = maximum_divergence(
        subject(count=30), norm, [0.02, 0.05, 0.1, 0.2], steps=5, normalized=normalized
    )
    for smaller, larger in pairwise(ladder):
        assert (larger.values >= smaller.values).all()
        assert (larger.changed | ~smaller.changed).all()
    assert float(ladder[-1].values.mean()) > float(ladder[0].values.mean()) > 0


def test_more_restarts_never_find_less(subject):
    few, many = (
        maximum_divergence(subject(count=30), "linf", [0.1], steps=5, restarts=n)[0].values
        for n in (1, 3)
    )
    assert (many >= few).all()
    assert (many > few).any()


def test_the_divergence_of_an_example_does_not_depend_on_the_others(subject):
    asked = subject(count=30)
    rows = torch.arange(29, -1, -2)
    whole, some = (
        maximum_divergence(each, "linf", [0.1], steps=5, restarts=6)[0].values
        for each in (asked, asked.take(rows))
    )
    torch.testing.assert_close(some, whole[rows], rtol=1e-4, atol=0)


def test_divergence_is_found_by_ascent_and_not_by_chance(subject):
    asked = subject(count=30)
    (found,) = maximum_divergence(asked, "linf", [0.1], steps=10)
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * (torch.rand(asked.images.shape, generator=generator) * 2 - 1).sign()
    chance = divergence(
        asked.logits((asked.images + noise).clamp(0, 1)), asked.labels, asked.logits()
    )
    assert float(found.values.mean()) > 3 * float(chance.mean())


def linear_subject():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 4)).double().requires_grad_(False)
    images = 0.3 + 0.4 * torch.rand(20, 1, 3, 3, dtype=torch.float64)
    return Subject(model, images, torch.zeros(20).long())


def test_halving_a_small_budget_quarters_the_divergence():
    small, large = maximum_divergence(linear_subject(), "linf", [1e-3, 2e-3], steps=30)
    assert float((large.values / small.values).median()) == pytest.approx(4, rel=0.05)


def test_a_small_budget_reaches_the_second_order_law_s_maximum():
    """``eps^2 / 2 * max d'Fd`` over the corners of the cube, with F the Fisher matrix."""
    asked, eps = linear_subject(), 1e-3
    (found,) = maximum_divergence(asked, "linf", [eps], steps=30)
    weight = asked.model[1].weight
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 9).double()
    p = asked.logits().softmax(1)
    change = corners @ weight.T
    spread = change.square() @ p.T - (change @ p.T).square()
    closed = eps**2 / 2 * spread.amax(0)
    assert (found.values <= 1.02 * closed).all()
    assert float((found.values / closed).median()) > 0.97


class Constant(nn.Module):
    """The same logits for every image, with a gradient of zero."""

    def forward(self, images):
        return torch.tensor([[1.0, 2.0, 0.5]]) + 0 * images.flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("normalized", [False, True])
def test_a_constant_classifier_does_not_diverge(normalized):
    asked = Subject(Constant(), torch.rand(5, 1, 2, 2), torch.zeros(5).long())
    (found,) = maximum_divergence(asked, "linf", [0.3], normalized=normalized)
    assert not found.values.any()
    assert not found.changed.any()
    assert found.psi.isfinite().all()


def test_the_adversarially_trained_model_diverges_less(subject):
    standard, robust = (
        maximum_divergence(subject(name, 50), "linf", [0.1], steps=10)[0]
        for name in ("digits/mlp-standard", "digits/mlp-pgd-at")
    )
    assert float(robust.values.mean()) < 0.5 * float(standard.values.mean())
    assert robust.changed.sum() < standard.changed.sum()


class Louder(nn.Module):
    """A model with its logits multiplied by four."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return 4 * self.model(images)


def scores_of(subject):
    settings = IntrinsicSettings(linf=(0.05, 0.1), headline=0.1, steps=5, restarts=2)
    return IntrinsicProbe(settings)(subject).scores


def test_only_normalised_logits_hide_their_scale(subject):
    asked = subject(count=30)
    quiet = scores_of(asked)
    loud = scores_of(Subject(Louder(asked.model), asked.images, asked.labels))
    for name in ("divergence", "divergence_median", "psi", "psi_median"):
        assert loud[f"normalized_{name}"].value == pytest.approx(
            quiet[f"normalized_{name}"].value, rel=1e-3
        )
        assert loud[name].value != pytest.approx(quiet[name].value, rel=0.2)


def test_psi_of_the_set_is_one_over_the_mean_and_the_median_is_of_examples(subject):
    asked = subject(count=31)
    scores = scores_of(asked)
    for prefix in ("", "normalized_"):
        average, psi = scores[f"{prefix}divergence"], scores[f"{prefix}psi"]
        assert psi.value == pytest.approx(1 / average.value)
        assert psi.low == pytest.approx(1 / average.high)
        assert psi.low < psi.value < psi.high
        middle = scores[f"{prefix}psi_median"]
        assert middle.value == pytest.approx(1 / scores[f"{prefix}divergence_median"].value)
        assert middle.low < middle.value < middle.high
    assert scores["psi_median"].value > scores["psi"].value, "a few examples make the mean"
