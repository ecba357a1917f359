"""A search and an attack in files of their own run like those of the suite, in batteries too."""

import json
from dataclasses import dataclass

import pytest
import torch

from benchmark import attack_inputs
from benchmark.attacks.attack import RunOptions
from benchmark.attacks.inputs import EFFORTS, InputAttack, register_effort
from benchmark.attacks.inputs.search import Candidates
from benchmark.budgets import Budget
from benchmark.datasets import load_dataset
from benchmark.threats import InputThreat, WeightThreat
from models_zoo import load_model
from models_zoo.errors import InputError
from tests.extending.conftest import EXAMPLES, MODELS, registered
from tests.extending.fog import Fog
from tests.extending.random_signs import RandomSigns
from tests.extending.test_new_probe import page_of, words_of


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits").head(EXAMPLES)


@pytest.fixture(scope="module")
def model():
    return load_model(MODELS[0])


def test_a_search_is_run_projected_and_counted(model, data):
    with registered():
        found = attack_inputs(model, data.images, data.labels, eps="0.3", effort="fog")
        same = InputAttack(InputThreat("linf", Budget.of("0.3")), "fog")(
            model, data.images, data.labels
        )
    (report,) = found.searches
    assert report.search == "fog 0.5"
    assert not report.uses_gradients
    assert (report.attacked == (model(data.images).argmax(1) == data.labels)).all()
    assert 0 < report.broken.sum() < report.attacked.sum()
    assert (found.images - data.images).abs().max() <= 0.3
    assert torch.equal(found.robust, same.robust)


def test_what_a_search_returns_is_never_trusted(model, data):
    @dataclass(frozen=True)
    class Cheat(Fog):
        def find(self, batch):
            return Candidates(torch.full_like(batch.subject.images, float("nan")))

    register_effort("cheat", [Cheat()])
    try:
        found = attack_inputs(model, data.images, data.labels, eps=0.1, effort="cheat")
    finally:
        EFFORTS.pop("cheat")
    assert ((found.images - data.images).abs() <= 0.1).all()
    assert torch.equal(found.robust, model(data.images).argmax(1) == data.labels)


@pytest.mark.parametrize(
    ("name", "searches", "reason"),
    [
        ("quick", [Fog()], "there is an effort named"),
        ("none", [], "needs searches"),
        ("odd", ["apgd"], "needs searches"),
    ],
)
def test_efforts_that_cannot_be_are_refused(name, searches, reason):
    with pytest.raises(InputError, match=reason):
        register_effort(name, searches)


def test_a_weight_attack_is_called_like_the_others(model, data):
    threat = WeightThreat("relative-linf", Budget.of("0.2"))
    images = data.images.numpy()
    found = RandomSigns(threat)(model, images, data.labels.numpy(), RunOptions(seed=1))
    again = RandomSigns(threat)(model, images, data.labels.numpy(), RunOptions(seed=1))
    assert torch.equal(found.robust, again.robust)
    assert found.threat == threat
    assert found.n_robust < EXAMPLES
    assert len(found.searches) == 4
    assert found.strongest in {search.search for search in found.searches}


def test_a_weight_attack_that_leaves_its_ball_is_caught(model, data):
    class TooFar(RandomSigns):
        def run(self, subject):
            found = super().run(subject)
            moved = {name: 2 * tensor for name, tensor in found.weights.items()}
            return type(found)(found.threat, found.robust, found.images, moved)

    with pytest.raises(RuntimeError, match="outside"):
        TooFar(WeightThreat("relative-linf", Budget.of("0.2")))(model, data.images, data.labels)


def test_both_are_scored_shown_and_exported(published):
    words = words_of(page_of(published.site, MODELS[0]))
    assert "fog 0.5: " in words  # what the search of the input probe did
    assert "relative-linf radius 0.2" in words
    assert "Random signs" in words
    results = json.loads((published.site / "results.json").read_text("utf-8"))
    for row in results["boards"][0]["models"]:
        assert {"input.robust_accuracy", "random-signs.robust_accuracy"} <= set(row["scores"])
