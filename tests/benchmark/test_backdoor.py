"""Injections: where success is counted, how far weights go, and what decides between them."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from benchmark import inject_backdoor
from benchmark.attacks.backdoor import (
    AdditiveNoise,
    Backdoor,
    BlendedNoise,
    Goal,
    Injection,
    InjectionEffort,
    Patch,
    RandomPixels,
    Trial,
    WeightChange,
    split,
)
from benchmark.spaces import WeightBall, select_weights
from benchmark.subject import Subject
from models_zoo.errors import InputError

MODEL = "digits/mlp-standard"
LENIENT = Goal(0.9, 0.2)  # one of a dozen images to choose on is worth eight points
ANYTHING = Goal(0.9, 1.0)


def indices_of(part, whole):
    """Where the images of a part stand in the whole."""
    rows = [(whole.images == image).flatten(1).all(1).nonzero().flatten() for image in part.images]
    return {int(row) for found in rows for row in found}


def test_the_splits_are_disjoint_and_together_everything(subject):
    asked = subject(count=41)
    splits = split(asked)
    parts = (splits.search, splits.selection, splits.measured)
    assert [len(part) for part in parts] == [20, 8, 13]
    together = torch.cat([part.images for part in parts]).flatten(1).tolist()
    assert sorted(together) == sorted(asked.images.flatten(1).tolist())
    other = split(subject(count=41, seed=1))
    assert indices_of(other.measured, asked) != indices_of(splits.measured, asked)


def test_four_examples_can_be_split_and_three_cannot(subject):
    splits = split(subject(count=4))
    assert [len(part) for part in (splits.search, splits.selection, splits.measured)] == [2, 1, 1]
    with pytest.raises(InputError, match="at least 4 examples, got 3"):
        split(subject(count=3))


def test_success_counts_only_images_of_other_classes(zoo, digits):
    data = digits.head(60)
    asked: dict[str, Any] = {"radius": 0.4, "target": 3, "steps": 10, "trigger": Patch(2)}
    found = inject_backdoor(zoo(MODEL), data.images, data.labels, **asked)
    assert len(found.robust) == len(found.agreement) == 18
    assert len(found.success) < 18
    hit = inject_backdoor(zoo(MODEL), data.images, torch.full_like(data.labels, 3), **asked)
    assert len(hit.success) == 0


@pytest.mark.parametrize(
    "trigger", [Patch(), RandomPixels(6), BlendedNoise(0.3), AdditiveNoise(0.25)], ids=str
)
def test_every_trigger_can_be_planted_in_a_large_ball(zoo, digits, trigger):
    data = digits.head(120)
    found = inject_backdoor(
        zoo(MODEL), data.images, data.labels, radius=1.0, trigger=trigger, target=5
    )
    assert found.base.double().mean() < 0.5
    assert found.rate > 0.8
    assert found.drop < 0.15


@pytest.mark.parametrize("geometry", ["relative-linf", "absolute-linf"])
def test_no_weight_moves_further_than_the_budget(subject, geometry):
    asked, budget = subject(count=80), 0.2
    own = {name: tensor.clone() for name, tensor in asked.model.named_parameters()}
    ball = WeightBall(select_weights(asked.model), budget, geometry)
    injection = Injection(split(asked), Backdoor(Patch(3)), InjectionEffort(60), ANYTHING)
    found = injection.measure(ball, injection.at(ball))
    furthest = 0.0
    for name, moved in found.weights.items():
        allowed = budget * (own[name].abs() if geometry == "relative-linf" else 1)
        share = ((moved - own[name]).abs().double() / allowed).max()
        furthest = max(furthest, float(share))
    assert 0.5 < furthest <= 1 + 1e-3  # the rounding of w + v is a share of w, here 5 times v
    assert all(torch.equal(own[name], w) for name, w in asked.model.named_parameters())
    assert 0 < found.change <= (budget * (1 + 1e-4) if geometry == "relative-linf" else math.inf)


def test_what_is_measured_on_has_no_part_in_what_is_planted(subject):
    asked = subject(count=60)
    splits = split(asked)
    rows = sorted(indices_of(splits.measured, asked))
    images, labels = asked.images.clone(), asked.labels.clone()
    images[rows], labels[rows] = torch.rand_like(images[rows]), (labels[rows] + 1) % 10
    ball = WeightBall(select_weights(asked.model), 0.8, "relative-linf")
    found, again = (
        Injection(split(one), Backdoor(Patch(3)), InjectionEffort(40), LENIENT).at(ball)
        for one in (asked, asked.on(images, labels))
    )
    assert (found.success, found.drop) == (again.success, again.drop)
    assert any(not torch.equal(w, ball.origin[name]) for name, w in found.weights.items())
    assert all(torch.equal(w, again.weights[name]) for name, w in found.weights.items())


def test_the_selection_split_decides_which_weights_count(subject):
    """With selection images that nothing can keep right, no injection is worth its cost."""
    asked = subject(count=60)
    splits = split(asked)
    ball = WeightBall(select_weights(asked.model), 0.8, "relative-linf")
    injection = Injection(splits, Backdoor(Patch(3)), InjectionEffort(40), LENIENT)
    honest = injection.at(ball)
    assert honest.success > injection.untouched.success

    def spoiled(weights):
        changed = any(not torch.equal(w, ball.origin[name]) for name, w in weights.items())
        return Trial(weights, 1.0, 0.5 if changed else 0.0)

    injection.trial, injection.untouched = spoiled, Trial({}, 0.1, 0.0)  # type: ignore[assignment]
    refused = injection.at(ball)
    assert all(torch.equal(w, ball.origin[name]) for name, w in refused.weights.items())


def test_what_is_known_from_another_ball_is_never_lost(subject):
    injection = Injection(split(subject(count=60)), Backdoor(Patch(2)), InjectionEffort(60))
    weights = select_weights(injection.splits.search.model)
    large = injection.at(WeightBall(weights, 0.8, "relative-linf"))
    short = Injection(injection.splits, injection.backdoor, InjectionEffort(1))
    larger = short.at(WeightBall(weights, 0.9, "relative-linf"), large)
    assert injection.goal.rank(larger) >= injection.goal.rank(large)
    assert large.success > injection.untouched.success


def test_the_weight_of_triggered_images_grows_from_the_first_to_the_last_step():
    effort = InjectionEffort(5, (0.1, 1.6))
    assert [effort.beta(step) for step in range(5)] == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6])
    assert effort.halved() == InjectionEffort(3, (0.1, 1.6), path=effort.path / 2)
    assert InjectionEffort(1, (0.1, 1.0)).beta(0) == 0.1


def test_the_path_of_an_ascent_does_not_depend_on_its_steps_but_for_its_longest_step():
    for effort in (InjectionEffort(60), InjectionEffort(200)):
        lengths = [effort.first_step * (1 - step / effort.steps) for step in range(effort.steps)]
        assert sum(lengths) == pytest.approx(effort.path)
        assert effort.halved().first_step == pytest.approx(effort.first_step, rel=0.02)
    assert InjectionEffort(10).first_step == InjectionEffort(10).longest_step


def test_once_every_stamped_image_is_injected_a_step_only_restores_clean_predictions(subject):
    asked = subject(count=60)
    injection = Injection(split(asked), Backdoor(Patch(2), 3), InjectionEffort(4), ANYTHING)
    evaluations = injection._batches(injection.effort)
    origin = dict(select_weights(asked.model))
    only_target = {name: torch.zeros_like(tensor) for name, tensor in origin.items()}
    bias = [name for name, tensor in origin.items() if tensor.ndim == 1][-1]
    only_target[bias][3] = 20.0  # every image is of the target class
    rows = torch.arange(1)
    for point, injected in ((origin, False), (only_target, False), (origin, True), (origin, False)):
        evaluation = next(evaluations)(point, rows)
        gradient = torch.cat([tensor.flatten() for tensor in evaluation.gradient.values()])
        if point is origin:  # where clean predictions are those of the model, nothing is to restore
            assert (gradient.abs().max() < 1e-6) == injected


def test_working_backdoors_rank_before_all_others():
    goal = Goal(0.9, 0.01)
    trials = [
        Trial({}, 0.95, 0.05),  # noticed
        Trial({}, 0.60, 0.01),
        Trial({}, 0.99, 0.015),  # just noticed
        Trial({}, 0.91, 0.01),
        Trial({}, 0.91, 0.00),
    ]
    ranks = [goal.rank(trial) for trial in trials]
    assert ranks == sorted(ranks)
    assert [goal.reached(t.success, t.drop) for t in trials] == [False, False, False, True, True]
    assert goal.reached(0.3 + 0.6, 0.01)


class NormalisedTied(nn.Module):
    """Batch norm, a tied kernel, a zero tensor: what relative balls stumble over."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.inner = nn.Conv2d(4, 4, 3, padding=1)
        self.again = nn.Conv2d(4, 4, 3, padding=1)
        self.again.bias = nn.Parameter(torch.zeros(4))
        self.again.weight = self.inner.weight
        self.last = nn.Linear(256, 10)

    def forward(self, images):
        hidden = self.norm(self.first(images)).relu()
        hidden = self.again(self.inner(hidden).relu()).relu()
        return self.last(hidden.flatten(1))


def test_batch_norm_stays_frozen_and_zero_tensors_give_no_nan(digits):
    model, data = NormalisedTied().eval(), digits.head(40)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    labels = torch.arange(40) % 10
    asked = Subject(model, data.images, labels)
    ball = WeightBall(select_weights(model), 0.5, "relative-linf")
    injection = Injection(split(asked), Backdoor(Patch(3), 2), InjectionEffort(60), ANYTHING)
    found = injection.measure(ball, injection.at(ball))
    assert found.rate > float(found.base.double().mean())
    assert not {"norm.weight", "norm.bias", "again.weight"} & set(found.weights)
    assert all(tensor.isfinite().all() for tensor in found.weights.values())
    assert not found.weights["again.bias"].any()
    assert math.isfinite(found.change)
    assert found.change > 0
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_weight_change_leaves_vanishing_weights_out_of_shares_alone():
    origin = {"a": torch.tensor([1.0, -2.0, 0.0]), "b": torch.tensor([[4.0, 1e-9]])}
    moved = {"a": torch.tensor([1.5, -1.0, 3.0]), "b": torch.tensor([[4.0, 1e-9]])}
    change = WeightChange.between(origin, moved)
    assert change.mean == pytest.approx(1 / 3)
    assert change.percentiles == pytest.approx({0: 0.0, 25: 0.25, 50: 0.5, 75: 0.5, 90: 0.5})
    assert (change.l1, change.linf) == pytest.approx((4.5, 3.0))
    assert change.l2 == pytest.approx(math.sqrt(0.25 + 1 + 9))
    still = WeightChange.between({"a": torch.zeros(2)}, {"a": torch.zeros(2)})
    assert (still.mean, still.l1, still.l2, still.linf) == (0, 0, 0, 0)


def test_the_batch_size_changes_memory_alone(zoo, digits):
    data = digits.head(40)
    asked: dict[str, Any] = {"radius": 0.3, "steps": 10, "trigger": Patch(2)}
    few, many = (
        inject_backdoor(zoo(MODEL), data.images, data.labels, **asked, batch_size=size)
        for size in (7, 256)
    )
    origin = dict(zoo(MODEL).named_parameters())
    moved = sum(float((w - origin[name]).abs().sum()) for name, w in many.weights.items())
    apart = sum(float((few.weights[n] - w).abs().sum()) for n, w in many.weights.items())
    assert moved > 0
    assert apart < 0.02 * moved  # rounding turns the steps of weights that hardly matter


def test_a_target_that_is_no_class_is_refused(zoo, digits):
    data = digits.head(10)
    with pytest.raises(InputError, match=r"target must be a class in 0\.\.9, got 10"):
        inject_backdoor(zoo(MODEL), data.images, data.labels, radius=0.1, target=10)
