"""What is ascended: signs, zeros, invariances and shapes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark import objectives
from benchmark.objectives import DISTILLATION_TEMPERATURE

FEW = settings(max_examples=60, deadline=None, derandomize=True)


def some_logits(seed, count=12, classes=5, scale=3.0):
    g = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(count, classes, generator=g)
    return logits, torch.randint(classes, (count,), generator=g)


@FEW
@given(st.integers(0, 2**31), st.floats(0.1, 3))
def test_margins_are_positive_exactly_where_the_example_is_misclassified(seed, scale):
    logits, labels = some_logits(seed, scale=scale)
    wrong = logits.argmax(1) != labels
    assert torch.equal(objectives.margin(logits, labels) > 0, wrong)
    assert torch.equal(objectives.probability_margin(logits, labels) > 0, wrong)


@FEW
@given(st.integers(0, 2**31))
def test_the_margin_is_the_best_targeted_margin(seed):
    logits, labels = some_logits(seed)
    each = torch.stack(
        [
            objectives.targeted_margin(logits, labels, torch.full_like(labels, target))
            for target in range(5)
        ],
        dim=1,
    )
    rows = torch.arange(len(labels))
    assert not each[rows, labels].any()
    each[rows, labels] = -torch.inf
    torch.testing.assert_close(each.amax(1), objectives.margin(logits, labels))


@FEW
@given(st.integers(0, 2**31))
def test_the_probability_margin_stays_between_minus_one_and_one(seed):
    values = objectives.probability_margin(*some_logits(seed, scale=30))
    assert ((values >= -1) & (values <= 1)).all()


@FEW
@given(st.integers(0, 2**31), st.floats(0.1, 20))
def test_divergences_are_zero_at_themselves_and_never_negative(seed, scale):
    (clean, labels), (other, _) = some_logits(seed, scale=scale), some_logits(seed + 1)
    for divergence in (objectives.divergence, objectives.normalized_divergence):
        assert divergence(clean, labels, clean).abs().max() == 0
        assert (divergence(other, labels, clean) >= -1e-12).all()
        assert divergence(other, labels, clean).dtype == torch.float64


@FEW
@given(st.integers(0, 2**31), st.sampled_from([0.25, 2.0, 1024.0]))
def test_only_the_normalised_divergence_ignores_the_scale_of_the_logits(seed, scale):
    (clean, labels), (other, _) = some_logits(seed), some_logits(seed + 1)
    before = objectives.normalized_divergence(other, labels, clean)
    after = objectives.normalized_divergence(scale * other, labels, scale * clean)
    torch.testing.assert_close(after, before)
    raw = objectives.divergence(other, labels, clean)
    scaled = objectives.divergence(scale * other, labels, scale * clean)
    assert not torch.allclose(raw, scaled, rtol=1e-3)


def test_the_divergence_is_the_textbook_s():
    clean, other = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.25, 0.75]]).log()
    got = objectives.divergence(other, torch.zeros(1).long(), clean)
    assert float(got) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), rel=1e-6)


def test_a_saturated_prediction_still_has_a_finite_divergence():
    clean, other = torch.tensor([[200.0, -200.0]]), torch.tensor([[-200.0, 200.0]])
    got = objectives.divergence(other, torch.zeros(1).long(), clean)
    assert float(got) == pytest.approx(400, rel=1e-6)


def test_constant_logits_have_a_finite_normalised_divergence():
    flat, labels = torch.zeros(3, 4), torch.zeros(3).long()
    assert objectives.normalized_divergence(flat, labels, flat).abs().max() == 0


def test_the_backdoor_loss_is_of_the_target_on_triggered_examples_and_of_change_on_clean_ones():
    logits, labels = some_logits(0)
    clean, _ = some_logits(1)
    triggered = torch.arange(12) % 2 == 0
    value = objectives.backdoor_loss(logits, labels, clean, triggered)
    cost = objectives.cross_entropy(logits, labels)
    torch.testing.assert_close(value[triggered], -cost[triggered])
    assert (value[~triggered] < 0).all()
    kept = objectives.backdoor_loss(clean, labels, clean, triggered)
    louder = objectives.backdoor_loss(logits, labels, clean, triggered, 3.0)
    torch.testing.assert_close(louder, torch.where(triggered, 3 * value, value))
    assert kept[~triggered].abs().max() <= 1e-5
    softened = (
        (clean / DISTILLATION_TEMPERATURE).softmax(1),
        (logits / DISTILLATION_TEMPERATURE).log_softmax(1),
    )
    apart = (softened[0] * (softened[0].log() - softened[1])).sum(1) * DISTILLATION_TEMPERATURE**2
    torch.testing.assert_close(value[~triggered], -apart[~triggered])


@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_objective_gives_one_value_an_example(count):
    logits, labels = some_logits(0, count=count)
    flags = torch.zeros(count, dtype=torch.bool)
    assert objectives.cross_entropy(logits, labels).shape == (count,)
    assert objectives.margin(logits, labels).shape == (count,)
    assert objectives.probability_margin(logits, labels).shape == (count,)
    assert objectives.targeted_margin(logits, labels, labels).shape == (count,)
    assert objectives.divergence(logits, labels, logits).shape == (count,)
    assert objectives.backdoor_loss(logits, labels, logits, flags).shape == (count,)
