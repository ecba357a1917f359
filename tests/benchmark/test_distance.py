"""Minimal distances: exact where they are known, proven everywhere, cheaper than attacks."""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmark import evaluate, minimal_distances
from benchmark.attacks.inputs import attack_subject, outcomes_by_budget
from benchmark.attacks.inputs.distance import _DistanceSearch, find_distances
from benchmark.attacks.inputs.minimum_norm import clearly_misclassified
from benchmark.batteries import Battery
from benchmark.statistics import median
from benchmark.subject import Subject
from leaderboard.store import encoding
from models_zoo.errors import InputError

ORDERS = {"linf": torch.inf, "l2": 2.0, "l1": 1.0}
DUALS = {"linf": 1.0, "l2": 2.0, "l1": torch.inf}
ADV_LIB = Path(__file__).parent / "golden/adv_lib_distances.json"
"""The smallest distances that FMN, PDPGD, APGD and, for l2, DDN of adv-lib 0.2.8 found on the first
digits, see perf/adversarial_library.py; 0 where the clean image is misclassified."""
BUDGETS = {"linf": (0.05, 0.15), "l2": (0.3, 0.6)}


class Staircase(nn.Module):
    """A linear model behind a coarse rounding of its input: no gradient anywhere."""

    def __init__(self, linear: nn.Module) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.linear((images * 16).round() / 16)
        return logits


class Constant(nn.Module):
    """Class 0 for every image."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.tensor([1.0, 0.0]).repeat(len(images), 1) + 0 * images.flatten(1)[:, :2]


def linear_case():
    """A linear model of five classes and images in the middle of the box, far from its walls."""
    generator = torch.Generator().manual_seed(3)
    linear = nn.Linear(48, 5)
    with torch.no_grad():
        linear.weight.copy_(torch.randn(5, 48, generator=generator))
        linear.bias.zero_()
    model = nn.Sequential(nn.Flatten(), linear)
    images = 0.5 + 0.08 * (torch.rand(12, 3, 4, 4, generator=generator) - 0.5)
    with torch.no_grad():
        labels = model(images).argmax(1)
    return model, linear, images, labels


@pytest.mark.parametrize("constant", [-1e9, -1e5])
def test_a_masked_class_does_not_hide_a_misclassification(constant):
    """It would leave a model without any distance."""
    logits = torch.tensor([[3.0, 2.0, 1.0], [2.0, 3.0, 1.0], [3.0, 3.00001, 1.0]])
    masked = torch.cat([logits, torch.full((3, 1), constant)], 1)
    labels = torch.zeros(3, dtype=torch.int64)
    for each in (logits, masked):
        assert clearly_misclassified(each, labels).tolist() == [False, True, False]


def closed_form(linear, images, labels, norm):
    """Distance to the nearest other class of a linear model: gap over the dual norm.

    For l1 the coordinates of the largest weights move first, each until it meets the box.
    """
    weight, logits = linear.weight.double(), linear(images.flatten(1)).double()
    gaps = logits.gather(1, labels[:, None]) - logits
    slopes = weight - weight[labels][:, None]
    if norm == "l1":
        pixels = images.flatten(1).double()[:, None]
        room = torch.where(slopes > 0, 1 - pixels, pixels)
        steepness, order = slopes.abs().sort(dim=2, descending=True)
        room = room.gather(2, order)
        before = (steepness * room).cumsum(2) - steepness * room
        needed = ((gaps[..., None] - before) / steepness.clamp_min(1e-12)).clamp_min(0)
        lengths = torch.minimum(needed, room).sum(2)
    else:
        norms = torch.linalg.vector_norm(slopes, ord=DUALS[norm], dim=2)
        lengths = gaps / norms.clamp_min(1e-12)
    own = torch.nn.functional.one_hot(labels, logits.shape[1]).bool()
    return lengths.masked_fill(own, torch.inf).amin(1).detach()


def measured(found, images, norm):
    moved = (found.images.double() - images.double()).flatten(1)
    return torch.linalg.vector_norm(moved, ord=ORDERS[norm], dim=1)


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_the_distance_of_a_linear_model_is_the_closed_form_and_is_checked_once(norm, monkeypatch):
    """Bisection from the clean image would take seven more searches of smaller balls."""
    shares, search = [], _DistanceSearch._search

    def recorded(self, searches, rows, radii, purpose):
        shares.extend((radii[rows] / self.upper[rows]).tolist())
        search(self, searches, rows, radii, purpose)

    monkeypatch.setattr(_DistanceSearch, "_search", recorded)
    model, linear, images, labels = linear_case()
    found = minimal_distances(model, images, labels, norm=norm, precision=0.01)
    ratio = found.distances / closed_form(linear, images, labels, norm)
    assert float(ratio.min()) >= 1 - 1e-4
    assert float(ratio.max()) <= 1.01
    assert len(shares) >= len(images)
    assert shares == pytest.approx([0.99] * len(shares))


MEASURED = {case: distances[:24] for case, distances in json.loads(ADV_LIB.read_text()).items()}


@pytest.fixture(scope="module")
def searched(zoo, digits):
    """``searched("digits/cnn-pgd-at l2")``: the data and what was found on them, once."""

    @cache
    def search(case):
        name, norm = case.split()
        data = digits.head(len(MEASURED.get(case, range(8))))
        return data, minimal_distances(zoo(name), data.images, data.labels, norm=norm)

    return search


@pytest.mark.parametrize("case", MEASURED)
def test_hardly_any_example_is_farther_than_the_best_of_other_attacks(searched, case):
    best = torch.tensor(MEASURED[case], dtype=torch.float64)
    _, found = searched(case)
    assert int((found.distances > 1.01 * best).sum()) <= 1
    assert float((found.distances / best.clamp_min(1e-12))[best > 0].median()) <= 1.001


@pytest.mark.parametrize("case", [*MEASURED, "digits/mlp-standard l2"])
def test_every_distance_is_proven_by_its_image(zoo, searched, case):
    name, norm = case.split()
    model, (data, found) = zoo(name), searched(case)
    with torch.no_grad():
        correct = model(data.images).argmax(1) == data.labels
        one_by_one = torch.cat([model(image[None]) for image in found.images]).argmax(1)
    assert (one_by_one != data.labels).all()
    assert float(found.images.min()) >= 0
    assert float(found.images.max()) <= 1
    assert (measured(found, data.images, norm) <= found.distances + 1e-6).all()
    assert torch.equal(found.distances > 0, correct)
    assert found.distances.isfinite().all()


@pytest.mark.parametrize(
    ("name", "norm"),
    [("digits/mlp-pgd-at", "linf"), ("digits/mlp-pgd-at", "l2")],
)
def test_no_more_are_robust_than_against_the_standard_attack_at_every_budget(subject, name, norm):
    asked, precision = subject(name, 50), 0.01
    found = find_distances(asked, norm, precision=precision)
    for eps in BUDGETS[norm]:
        attacked = float(attack_subject(asked, norm, eps, "standard").robust.double().mean())
        beyond = found.distances > (1 + precision) * eps
        assert float(beyond.double().mean()) <= attacked + 0.02, f"allowing for precision, {eps}"
        assert float(found.robust(eps).double().mean()) <= attacked + 0.04, eps


def test_one_run_costs_less_than_attacks_at_twenty_budgets(subject):
    asked, by_budget = subject(count=12), subject(count=12)
    find_distances(asked, "linf")
    outcomes_by_budget(by_budget, "linf", [0.01 * step for step in range(1, 21)], "standard")
    passes = [each.passes.forwards + each.passes.backwards for each in (asked, by_budget)]
    assert passes[0] < passes[1]


def test_robust_accuracy_decreases_with_the_budget_and_starts_at_the_clean_one(subject):
    asked = subject("digits/mlp-pgd-at", 20)
    found = find_distances(asked, "linf")
    robust = [found.robust(0.02 * step) for step in range(30)]
    assert torch.equal(robust[0], asked.correct())
    for before, after in pairwise(robust):
        assert not (after & ~before).any()
    assert not robust[-1].any()


def test_nothing_is_reported_beyond_the_largest_radius(subject):
    asked = subject(count=20)
    free, capped = find_distances(asked, "linf"), find_distances(asked, "linf", largest=0.1)
    assert capped.largest == 0.1
    assert (capped.distances[free.distances <= 0.098] <= 0.1).all()
    assert capped.distances[free.distances > 0.102].isinf().all()
    censored = capped.distances.isinf()
    assert 0 < int(censored.sum()) < 20
    assert torch.equal(capped.images[censored], asked.images[censored])
    assert (capped.robust(0.1) == censored).all()


def test_a_model_that_never_changes_its_mind_has_no_distance():
    images, labels = torch.rand(5, 1, 4, 4), torch.tensor([0, 0, 1, 0, 0])
    found = minimal_distances(Constant(), images, labels)
    assert found.distances.tolist() == [torch.inf, torch.inf, 0.0, torch.inf, torch.inf]
    assert torch.equal(found.images, images)


def test_without_gradients_squares_find_a_distance_of_the_right_size():
    smooth, linear, images, labels = linear_case()
    model = Staircase(smooth)
    with torch.no_grad():
        labels = model(images).argmax(1)
    found = minimal_distances(model, images, labels, norm="linf", precision=0.05)
    truth = closed_form(linear, images, labels, "linf")
    assert found.distances.isfinite().all()
    assert float(found.distances.median()) < float(truth.median()) * 3 + 1 / 16


def test_distances_do_not_depend_on_the_batch_size(subject):
    whole, parts = (  # of three and of one
        find_distances(subject("digits/mlp-pgd-at", 4, batch_size=size), "linf").distances
        for size in (256, 3)
    )
    assert torch.allclose(whole, parts, rtol=2e-3, atol=1e-6)


def test_an_example_has_the_same_distance_alone_as_in_company(subject):
    asked = subject("digits/cnn-standard", 5)
    together = find_distances(asked, "l2").distances
    alone = find_distances(asked.take(torch.tensor([1])), "l2").distances
    assert torch.allclose(together[1:2], alone, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "l3"}, "unknown norm 'l3'"),
        ({"norm": "l2", "precision": 0.0}, "precision must be above 0"),
        ({"norm": "l2", "eps": 0.0}, "largest radius must be a finite number above 0, got 0"),
        ({"norm": "l2", "eps": torch.inf}, "eps must be a finite number of at least 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(options, message):
    model, _, images, labels = linear_case()
    with pytest.raises(InputError, match=message):
        minimal_distances(model, images, labels, **options)


def test_the_median_s_interval_covers_it_as_often_as_it_says():
    random = np.random.default_rng(0)
    scores = [median(random.exponential(size=60)) for _ in range(1000)]
    covered = np.mean([score.low <= np.log(2) <= score.high for score in scores])
    assert 0.93 <= covered <= 0.98
    censored = median([0.1, 0.2, np.inf, np.inf, np.inf, np.inf])
    assert (censored.value, censored.high) == (np.inf, np.inf)
    assert 0.1 <= censored.low <= 0.2
    assert median([0.1, 0.2, np.inf]).low == -np.inf  # too few to bound it
    assert median([0.2, 0.4]).value == pytest.approx(0.3)


def test_the_probe_gives_medians_areas_values_and_curves(zoo, digits):
    data, model = digits.head(12), zoo("digits/mlp-standard")
    table = {"linf": 0.3, "l2": 1.5, "headline_linf": 0.1, "rungs": 20}
    battery = Battery.model_validate(
        {
            "name": "distance-v1",
            "dataset": "digits",
            "description": "Distances alone.",
            "default": ("distance",),
            "probes": {"distance": table},
        }
    )
    report = evaluate(model, data.images, data.labels, battery)
    result = report.results["distance"]
    asked = Subject(model, data.images, data.labels)
    for norm in ("linf", "l2"):
        distances = find_distances(asked, norm).distances
        assert np.allclose(result.values[norm], distances, rtol=1e-5)
        assert result.scores[f"median_{norm}"].value == pytest.approx(float(np.median(distances)))
        (curve,) = [curve for curve in result.curves if curve.series == norm]
        assert [score.value for score in curve.y] == [
            pytest.approx(float(np.mean(distances.numpy() > eps))) for eps in curve.x
        ]
        assert len(curve.x) == 21
        # The trapezoid rule on the curve is the area, up to the spacing of budgets.
        trapezoid = np.trapezoid([score.value for score in curve.y], curve.x) / curve.x[-1]
        assert result.scores[f"area_{norm}"].value == pytest.approx(trapezoid, abs=0.03)
    robust = np.array(result.values["linf"]) > 0.1
    assert report.per_example["distance"].tolist() == robust.tolist()
    again = encoding.loads(encoding.dumps(result.model_dump()))
    assert again["values"] == result.values
    json.dumps(report.to_json(), allow_nan=False)
