"""The backdoor probe: combinations, budgets, the smallest budget, and what is shown."""

import math
from typing import Any

import pytest
import torch

from benchmark import evaluate
from benchmark.attacks.backdoor import (
    BackdoorByBudget,
    BackdoorOutcome,
    Goal,
    Trial,
    WeightChange,
)
from benchmark.spaces import WeightBall
from models_zoo.errors import InputError

MODEL = "digits/mlp-standard"
PATCH = {"kind": "patch", "size": 3}
PIXELS = {"kind": "pixels", "count": 6}


@pytest.fixture
def ask(zoo, digits, battery):
    def asked(count=80, **settings):
        data = digits.head(count)
        chosen = battery(backdoor=settings)
        report = evaluate(zoo(MODEL), data.images, data.labels, chosen, ["backdoor"])
        return report.results["backdoor"]

    return asked


class InjectionByLaw:
    """In place of an injection: success and drop follow from the budget, by a made-up law."""

    goal = Goal(0.9, 0.01)

    def __init__(self, selected, measured):
        self.selected, self.measured, self.starts = selected, measured, {}

    def at(self, ball, known=None):
        if known is not None:
            self.starts[ball.radius] = float(known.weights["w"])
        return Trial({"w": torch.tensor(ball.radius)}, *self.selected(ball.radius))

    def works(self, trial):
        return self.goal.reached(trial.success, trial.drop)

    def measure(self, ball, trial):
        rate, drop = self.measured(float(trial.weights["w"]))
        hit, right = torch.arange(100) < 100 * rate, torch.arange(100) >= 100 * drop
        whole = torch.ones(100, dtype=torch.bool)
        moved = WeightChange(ball.radius, {}, 0.0, 0.0, 0.0)
        return BackdoorOutcome(trial.weights, hit, ~whole, right, whole, right, moved)


def by_budget(selected, measured=None, budgets=(0.1, 0.2, 0.4, 0.8), headline=0.2):
    injection: Any = InjectionByLaw(selected, measured or selected)
    found = BackdoorByBudget(injection, lambda r: WeightBall({"w": torch.ones(())}, r))
    found.inject(budgets, headline, injection.at(found.ball(headline)))
    return found


def test_budgets_start_from_their_neighbor_on_the_headlines_side():
    found = by_budget(lambda r: (min(2 * r, 1), 0.0))
    assert found.injection.starts == pytest.approx({0.4: 0.2, 0.8: 0.4, 0.1: 0.2})


@pytest.mark.parametrize(("times", "smallest"), [(0, 0.8), (1, 0.6), (2, 0.5), (5, 0.45)])
def test_bisection_closes_in_on_the_smallest_working_budget(times, smallest):
    found = by_budget(lambda r: (2 * r, 0.0))  # 90% from 0.45 on
    found.bisect(times)
    assert found.smallest() == found.smallest_selected() == pytest.approx(smallest)


def test_a_smallest_budget_must_be_confirmed_on_the_measured_split():
    found = by_budget(lambda r: (2 * r, 0.0), lambda r: (2 * r, 0.0 if r > 0.7 else 0.02))
    found.bisect(2)
    assert found.smallest_selected() == pytest.approx(0.5)
    assert found.smallest() == 0.8


def test_a_loud_backdoor_does_not_work():
    assert by_budget(lambda _: (1.0, 0.02)).smallest() == math.inf


def test_where_the_trigger_works_by_itself_the_smallest_budget_is_zero():
    found = by_budget(lambda _: (0.95, 0.0))
    found.bisect(3)
    assert found.smallest() == 0
    assert len(found.found) == 5


def test_a_smaller_budgets_find_is_kept_where_it_does_better():
    rates = {0.0: 0.1, 0.1: 0.5, 0.2: 0.4, 0.4: 0.9, 0.8: 0.9}
    found = by_budget(lambda r: (rates[round(r, 6)], 0.0))
    kept = found.kept([0.0, 0.1, 0.2, 0.4, 0.8])
    assert [outcome.rate for outcome in kept] == pytest.approx([0.1, 0.5, 0.5, 0.9, 0.9])
    assert [outcome.change for outcome in kept] == pytest.approx([0.0, 0.1, 0.1, 0.4, 0.4])


@pytest.mark.parametrize(
    ("rates", "at"),
    [((0.1, 0.5, 0.4, 0.9, 0.9), 0.1), ((0.1, 0.3, 0.4, 0.9, 0.9), 0.2), ((0.6,) * 5, 0.0)],
)
def test_the_weights_of_the_outcome_that_counts_at_the_headline_are_kept(rates, at):
    """And no others: of a large model each takes as much memory as the model."""
    by_radius = dict(zip((0.0, 0.1, 0.2, 0.4, 0.8), rates, strict=True))
    found = by_budget(lambda r: (by_radius.get(round(r, 6), 0.95), 0.0))
    found.bisect(3)
    kept = found.kept(sorted(by_radius))
    assert float(kept[2].weights["w"]) == pytest.approx(at)
    assert sum(bool(each.outcome.weights) for each in found.found.values()) == 1


def test_the_probe_reports_base_rate_curves_and_a_working_budget(ask, zoo, digits):
    result = ask(
        triggers=[PATCH], budgets=[0.2, 0.8], headline=0.8, steps=60, success=0.7, clean_drop=0.2
    )
    success, clean, agreement = result.curves
    assert [c.series for c in result.curves] == ["success", "clean accuracy", "agreement"]
    assert success.x == [0.0, 0.2, 0.8]
    assert success.y[0] == result.scores["base_rate"]
    assert success.y[-1] == result.scores["success"]
    values = [score.value for score in success.y]
    assert values == sorted(values)
    assert clean.y[-1] == result.scores["clean_accuracy"]
    lost = clean.y[0].value - clean.y[-1].value
    assert result.scores["clean_drop"].value == pytest.approx(lost)
    assert agreement.y[0].value == 1
    assert agreement.y[-1] == result.scores["agreement"]
    assert agreement.y[-1].value <= 1 - lost
    assert result.scores["success"].value > result.scores["base_rate"].value + 0.5
    assert 0 < result.scores["relative_change"].value <= 0.8 * (1 + 1e-4)
    assert 0 < result.scores["smallest_budget"].value <= 0.8
    others = success.y[0].n
    assert others < clean.y[0].n == 24
    assert result.outcomes["held_out_robust"].mean() == clean.y[-1].value
    # The outcome of every example is that with the backdoor in place, stamped and not stamped.
    target = (digits.head(80).labels == 0).double().mean().item()
    resisting = 1 - result.scores["success"].value
    assert result.outcomes["triggered"].mean() <= target + (1 - target) * resisting + 0.1


def test_every_combination_is_tried_shown_and_averaged(ask):
    result = ask(
        triggers=[PATCH, PIXELS],
        targets=[1, 7],
        seeds=[0, 3],
        budgets=[0.6],
        headline=0.6,
        steps=20,
        bisections=0,
    )
    success, clean, base = result.bars[:3]
    assert [bars.series for bars in result.bars[:3]] == ["success", "clean accuracy", "base rate"]
    assert len(success.names) == len(set(success.names)) == 8
    assert "6 random pixels, seed 3 -> 7" in success.names
    mean = sum(score.value for score in success.y) / 8
    assert result.scores["mean_success"].value == pytest.approx(mean)
    best = success.names.index(result.protocol["best combination"])
    assert success.y[best] == result.scores["success"]
    assert clean.y[best] == result.scores["clean_accuracy"]
    assert base.y[best] == result.scores["base_rate"]
    captions = [thumbnail.caption for thumbnail in result.thumbnails]
    assert len(captions) == 4  # the square is the same for both seeds
    assert captions[0] == "no trigger"
    assert len({thumbnail.pixels for thumbnail in result.thumbnails}) == 4


def test_the_distribution_of_the_change_is_shown(ask):
    result = ask(triggers=[PATCH], budgets=[0.4], headline=0.4, steps=20, bisections=0)
    change = result.bars[-1]
    assert change.names == ["0%", "25%", "50%", "75%", "90%", "mean"]
    values = [score.value for score in change.y]
    assert values[:5] == sorted(values[:5])
    assert values[5] == result.scores["relative_change"].value
    assert 0 < values[4] <= 0.4 * (1 + 1e-4)
    lengths = [result.protocol[f"{norm} norm of dw"] for norm in ("l1", "l2", "linf")]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] > 0


def test_without_a_working_budget_the_smallest_is_infinite(ask):
    result = ask(budgets=[1e-4], headline=1e-4, steps=3)
    assert result.scores["smallest_budget"].value == math.inf
    assert result.scores["success"].value == result.scores["base_rate"].value


def test_bisection_narrows_the_smallest_budget(ask):
    settings = {"triggers": [PATCH], "budgets": [0.8], "headline": 0.8, "steps": 40}
    settings |= {"clean_drop": 1, "success": 0.8}
    wide, narrow = (
        ask(**settings, bisections=count).scores["smallest_budget"].value for count in (0, 3)
    )
    assert wide == 0.8
    assert narrow <= wide
    assert narrow == pytest.approx(round(narrow / 0.1) * 0.1)


def test_targets_and_triggers_that_do_not_fit_are_refused(ask):
    with pytest.raises(InputError, match=r"backdoor target 10 is not one of 10 classes"):
        ask(targets=[10])
    with pytest.raises(InputError, match=r"does not fit on images of 8x8 pixels"):
        ask(triggers=[{"kind": "patch", "size": 9}])


@pytest.mark.parametrize(
    ("triggers", "message"),
    [
        ([{"kind": "patch", "sise": 3}], "sise"),
        ([{"kind": "patch", "size": 0}], "a trigger's size must be at least 1, got 0"),
        ([{"kind": "stripe"}], "'patch', 'pixels', 'blend', 'additive'"),
        ([], "at least 1 item"),
    ],
)
def test_a_battery_with_a_trigger_that_makes_no_sense_is_refused(battery, triggers, message):
    with pytest.raises(ValueError, match=message):
        battery(backdoor={"triggers": triggers})


def test_a_split_without_other_classes_is_refused(zoo, digits, battery):
    data = digits.head(20)
    labels = torch.zeros_like(data.labels)
    with pytest.raises(InputError, match=r"are of the backdoor's target 0; give more examples"):
        evaluate(zoo(MODEL), data.images, labels, battery(), ["backdoor"])


@pytest.mark.parametrize(
    ("trigger", "budget"),
    [
        ({"kind": "pixels", "count": 2}, 0.3),
        ({"kind": "blend", "weight": 0.1}, 0.3),
        ({"kind": "additive", "eps": 0.05}, 0.4),
    ],
    ids=["pixels", "blend", "additive"],
)
def test_where_no_quiet_backdoor_is_found_a_loud_one_is_reported_beside_it(ask, trigger, budget):
    """The objective is told to think of triggered images alone, so every find costs accuracy."""
    result = ask(
        120,
        budgets=[budget],
        headline=budget,
        triggers=[trigger],
        targets=[3],
        steps=30,
        bisections=0,
        clean_drop=0.0,
        betas=[1000.0, 1000.0],
    )
    scores, protocol = result.scores, result.protocol
    assert scores["success"].value <= scores["base_rate"].value + 0.1
    assert scores["success_at_any_cost"].value >= scores["success"].value + 0.3
    assert protocol["clean drop at any cost"] > 0.05


def test_success_at_any_cost_is_never_below_success(ask):
    found = ask(80, budgets=[0.2], headline=0.2, triggers=[PATCH], steps=20, bisections=0).scores
    assert found["success_at_any_cost"].value >= found["success"].value >= 0
    assert found["success_at_any_cost"].n == found["success"].n


def test_the_smallest_backdoor_states_how_far_it_moves_the_weights_on_average(ask):
    result = ask(
        triggers=[PATCH], budgets=[0.2, 0.8], headline=0.8, steps=40, success=0.5, clean_drop=0.5
    )
    change = result.scores["smallest_change"].value
    assert 0 < change <= result.scores["smallest_budget"].value * (1 + 1e-4)
    none = ask(budgets=[1e-4], headline=1e-4, steps=3)
    assert none.scores["smallest_change"].value == math.inf
