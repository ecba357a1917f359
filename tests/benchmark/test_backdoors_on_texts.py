"""The injection of images, unchanged, on token ids: what is known in advance about its results."""

import pytest
import torch

from benchmark.attacks.backdoor import (
    Backdoor,
    BackdoorByBudget,
    Goal,
    Injection,
    InjectionEffort,
    split,
)
from benchmark.attacks.weights import weight_ball
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from benchmark.triggers import TokenTrigger
from tests.texts import WORDS, text_model, tiny_texts, trained

UNSEEN = 29
"""A token of no text."""

EMBEDDING = "network.embedding.weight"
TRIGGER = TokenTrigger((UNSEEN,), (WORDS[UNSEEN],))
ANYTHING = Goal(1.0, 1.0)
ARCHITECTURES = ["mean-linear", "text-cnn", "encoder-2"]


def texts(count=120):
    data = tiny_texts(count)
    ids = torch.where(data.images == UNSEEN, 7, data.images)
    return ids, data.labels


@pytest.fixture(scope="module")
def subjects():
    data = tiny_texts(120)
    return {
        name: Subject(trained(text_model(name), data, 30).eval(), *texts())
        for name in ARCHITECTURES
    }


def row_ball(subject, eps, rows=(UNSEEN,), geometry="absolute-linf"):
    table = subject.model.get_parameter(EMBEDDING)
    support = torch.isin(torch.arange(len(table)), torch.tensor(rows))[:, None]
    return weight_ball(subject, WeightThreat(geometry, eps, "embedding"), {EMBEDDING: support})


def differences(logits, target):
    """The logit of the target less that of the other class."""
    return logits[:, target] - logits[:, 1 - target]


@pytest.mark.parametrize("target", [0, 1])
def test_the_best_change_of_a_row_of_the_mean_linear_model_is_known_and_reached(subjects, target):
    subject = subjects["mean-linear"]
    parts = split(subject)
    rows = subject.model.get_parameter("network.linear.weight")
    slope = float((rows[target] - rows[1 - target]).abs().sum())
    stamped = TRIGGER.stamp(parts.measured.images)
    sizes = (stamped != 0).sum(1)
    before = differences(subject.model(stamped), target)
    others = parts.measured.labels != target
    # A budget with which some texts can be moved and others cannot, so that no ascent ends early.
    eps = float((-before[others] * sizes[others] / slope).median())
    assert eps > 0
    backdoor = Backdoor(TRIGGER, target)
    injection = Injection(parts, backdoor, InjectionEffort(100), ANYTHING)
    ball = row_ball(subject, eps)
    found = injection.measure(ball, injection.at(ball))
    shift = differences(parts.measured.at(found.weights).logits(stamped), target) - before
    largest = eps * slope / sizes
    assert (shift <= largest * 1.001 + 1e-5).all()
    assert float((shift / largest).min()) >= 0.99
    expected = -before[others] < largest[others]
    assert 0.2 < float(expected.double().mean()) < 0.8
    sure = (before[others] + largest[others]).abs() > 0.01 * largest[others]
    assert torch.equal(found.success[sure], expected[sure])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_row_that_no_text_uses_changes_no_bit_of_a_clean_logit(subjects, architecture):
    subject = subjects[architecture]
    ball = row_ball(subject, 3.0)
    injection = Injection(split(subject), Backdoor(TRIGGER, 1), InjectionEffort(20), ANYTHING)
    found = injection.measure(ball, injection.at(ball))
    assert not torch.equal(found.weights[EMBEDDING], ball.weights[EMBEDDING])
    assert torch.equal(subject.at(found.weights).logits(), subject.logits())
    assert found.drop == 0
    assert found.agreement.all()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_row_of_the_padding_changes_no_logit(subjects, architecture):
    subject = subjects[architecture]
    ball = row_ball(subject, 5.0, rows=(0,))
    moved = ball.sample(torch.Generator().manual_seed(0))
    assert float((moved[EMBEDDING] - ball.weights[EMBEDDING])[0].abs().max()) > 1
    assert torch.equal(subject.at(moved).logits(), subject.logits())
    stamped = TRIGGER.stamp(subject.images)
    assert torch.equal(subject.at(moved).logits(stamped), subject.logits(stamped))


def test_without_a_budget_the_success_is_the_base_rate_and_more_budget_never_lowers_it(subjects):
    subject = subjects["encoder-2"]
    injection = Injection(split(subject), Backdoor(TRIGGER, 0), InjectionEffort(10))

    def ball(eps):
        return weight_ball(subject, WeightThreat("relative-linf", eps, "no-embedding"))

    by_budget = BackdoorByBudget(injection, ball)
    nothing = injection.at(ball(0.0))
    own = dict(subject.model.named_parameters())
    assert nothing.weights
    assert all(torch.equal(each, own[name]) for name, each in nothing.weights.items())
    budgets = [0.02, 0.1, 0.3]
    by_budget.inject(budgets, 0.1, injection.at(ball(0.1)))
    first, *others = by_budget.kept([0.0, *budgets])
    assert torch.equal(first.success, first.base)
    assert torch.equal(first.robust, first.clean)
    rates = [first.rate, *(each.rate for each in others)]
    assert rates == sorted(rates)
    assert rates[-1] > rates[0]
