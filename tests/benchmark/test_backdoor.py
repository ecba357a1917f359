"""Backdoors: where success is counted, how far weights go, and when none is found."""

import math
from typing import Any

import pytest
import torch

from benchmark import evaluate, inject_backdoor
from benchmark.attacks.backdoor import Trigger, halves
from models_zoo.errors import InputError

MODEL = "digits/mlp-standard"


@pytest.fixture
def ask(zoo, digits, battery):
    def asked(count=80, **settings):
        data = digits.head(count)
        chosen = battery(backdoor=settings)
        report = evaluate(zoo(MODEL), data.images, data.labels, chosen, ["backdoor"])
        return report.results["backdoor"]

    return asked


def test_halves_are_disjoint_and_together_everything(subject):
    asked = subject(count=41)
    search, held_out = halves(asked)
    assert (len(search), len(held_out)) == (20, 21)
    both = torch.cat([search.images, held_out.images]).flatten(1).tolist()
    assert sorted(both) == sorted(asked.images.flatten(1).tolist())


def test_success_counts_only_images_of_other_classes(zoo, digits):
    data = digits.head(60)
    asked: dict[str, Any] = {"budget": 0.4, "target": 3, "steps": 30, "trigger": Trigger(2)}
    found = inject_backdoor(zoo(MODEL), data.images, data.labels, **asked)
    assert len(found.robust) == 30
    assert len(found.success) < 30
    hit = inject_backdoor(zoo(MODEL), data.images, torch.full_like(data.labels, 3), **asked)
    assert len(hit.success) == 0


@pytest.mark.parametrize("geometry", ["relative-linf", "absolute-linf"])
def test_no_weight_moves_further_than_the_budget(zoo, digits, geometry):
    data, budget = digits.head(40), 0.05
    model = zoo(MODEL)
    own = {name: tensor.clone() for name, tensor in model.named_parameters()}
    found = inject_backdoor(
        model, data.images, data.labels, budget=budget, geometry=geometry, steps=10
    )
    furthest = 0.0
    for name, moved in found.weights.items():
        allowed = budget * (own[name].abs() if geometry == "relative-linf" else 1)
        share = ((moved - own[name]).abs().double() / allowed).max()
        assert float((moved - own[name]).abs().max()) <= budget * max(
            1, float(own[name].abs().max())
        )
        furthest = max(furthest, float(share))
    assert 0.5 < furthest <= 1 + 1e-3  # the rounding of w + v is a share of w, here 20 times v
    assert all(torch.equal(tensor, own[name]) for name, tensor in model.named_parameters())
    assert 0 < found.change <= (budget * (1 + 1e-4) if geometry == "relative-linf" else math.inf)


def test_the_probe_reports_base_rate_curves_and_a_working_budget(ask, zoo, digits):
    result = ask(
        trigger_size=3, budgets=[0.2, 0.8], headline=0.8, steps=60, success=0.7, clean_drop=0.2
    )
    success, clean = result.curves
    assert [curve.series for curve in result.curves] == ["success", "clean accuracy"]
    assert success.x == [0.0, 0.2, 0.8]
    assert success.y[0] == result.scores["base_rate"]
    assert success.y[-1] == result.scores["success"]
    assert clean.y[-1] == result.scores["clean_accuracy"]
    assert result.scores["success"].value > result.scores["base_rate"].value + 0.5
    assert 0 < result.scores["relative_change"].value <= 0.8 * (1 + 1e-4)
    assert 0 < result.scores["smallest_budget"].value <= 0.8
    others = success.y[0].n
    assert others < clean.y[0].n == 40


def test_without_a_working_budget_the_smallest_is_infinite(ask):
    result = ask(budgets=[1e-4], headline=1e-4, steps=3)
    assert result.scores["smallest_budget"].value == math.inf
    assert result.scores["success"].value == result.scores["base_rate"].value


def test_bisection_narrows_the_smallest_budget(ask):
    settings = {"trigger_size": 3, "budgets": [0.8], "headline": 0.8, "steps": 30, "clean_drop": 1}
    wide, narrow = (
        ask(**settings, bisections=count).scores["smallest_budget"].value for count in (0, 3)
    )
    assert wide == 0.8
    assert narrow <= wide
    assert narrow == pytest.approx(round(narrow / 0.1) * 0.1)


def test_a_target_that_is_no_class_is_refused(ask):
    with pytest.raises(InputError, match=r"backdoor target 10 is not one of 10 classes"):
        ask(target=10)


def test_the_trigger_is_a_square_in_the_corner_of_copies():
    images = torch.zeros(2, 3, 5, 5)
    stamped = Trigger(2, 0.75).stamp(images)
    assert not images.any()
    assert (stamped[..., -2:, -2:] == 0.75).all()
    assert float(stamped.sum()) == pytest.approx(2 * 3 * 4 * 0.75)
