"""``ns.evaluate``: the names of models, and results that are reused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nonsingular as ns
from benchmark import evaluate as plain_evaluate
from leaderboard.exports.headlines import data_name
from leaderboard.store import Store
from models_zoo.errors import InputError
from tests.texts import text_model, tiny_texts

PROBES = ["clean", "checks"]


class Network(nn.Module):
    def __init__(self, mean=0.0):
        super().__init__()
        self.mean = mean
        self.linear = nn.Linear(64, 10)

    def forward(self, images):
        return self.linear(images.flatten(1) - self.mean)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network()


@pytest.fixture(scope="module")
def digits():
    return ns.load_dataset("digits").head(40)


@pytest.fixture
def computed(monkeypatch):
    """Names of the probes that are computed, in order."""
    from benchmark.probes import PROBES as KNOWN

    names: list[str] = []

    def counted(ask):
        def asked(self, subject):
            names.append(self.name)
            return ask(self, subject)

        return asked

    for name in PROBES:
        monkeypatch.setattr(KNOWN[name], "ask", counted(KNOWN[name].ask))
    return names


def test_scores_are_those_of_the_benchmark(network, digits):
    ours, theirs = (
        each(network, digits, probes=PROBES, seed=3) for each in (ns.evaluate, plain_evaluate)
    )
    assert ours.scores == theirs.scores
    assert ours.provenance.battery_sha256 == theirs.provenance.battery_sha256


def test_a_model_in_memory_gets_a_card(network, digits):
    report = ns.evaluate(network, digits, probes=["clean"])
    card = report.card
    assert card.name == f"Network-{report.provenance.fingerprint[:8]}"
    assert (card.dataset, card.classes, card.input_shape) == ("digits", 10, (1, 8, 8))
    assert (card.source, card.parameters) == ("memory", 650)
    assert ns.evaluate(network, digits, probes=["clean"], name="mine").card.name == "mine"
    with pytest.raises(InputError, match="choose another name"):
        ns.evaluate(network, digits, probes=["clean"], name="..")


def test_a_model_of_the_zoo_keeps_its_card(digits):
    model = ns.load_model("digits/mlp-standard")
    assert ns.evaluate(model, digits, probes=["clean"]).card == model.card


def test_a_module_of_texts_gets_a_card_with_their_vocabulary():
    texts = tiny_texts()
    module = text_model().network
    asked: dict[str, Any] = {"battery": "movies-ci-v1", "probes": ["clean"], "own_data": True}
    report = ns.evaluate(module, texts, **asked)
    assert report.card.inputs == texts.inputs
    assert report.card.input_shape == texts.input_shape
    assert "24 own texts" in repr(report)
    assert data_name(report.entry) == "own texts, not movies"
    with pytest.raises(InputError, match="does not say their vocabulary; give a data set"):
        ns.evaluate(module, texts.images, texts.labels, **asked)


def test_cached_results_are_not_computed_again(network, digits, tmp_path, computed):
    cache = tmp_path / "cache.sqlite"
    first = ns.evaluate(network, digits, probes=PROBES, cache=cache)
    assert computed == PROBES
    again = ns.evaluate(network, digits, probes=PROBES, cache=cache)
    assert computed == PROBES
    assert again.scores == first.scores
    assert again.provenances == dict.fromkeys(PROBES, first.provenance)
    alone = ns.evaluate(network, digits, probes=["checks"], cache=cache)
    assert list(alone.results) == ["checks"]
    assert computed == PROBES


@pytest.mark.parametrize("other", ["weights", "examples", "seed"])
def test_anything_else_is_computed(network, digits, tmp_path, computed, other):
    cache = tmp_path / "cache.sqlite"
    ns.evaluate(network, digits, probes=["clean"], cache=cache)
    seed = 1 if other == "seed" else 0
    data = digits.head(39) if other == "examples" else digits
    if other == "weights":
        with torch.no_grad():
            network.linear.bias += 1e-3
    ns.evaluate(network, data, probes=["clean"], cache=cache, seed=seed)
    assert computed == ["clean", "clean"]


def test_the_same_weights_with_another_forward_are_not_taken_for_the_same(
    network, digits, tmp_path
):
    cache = tmp_path / "cache.sqlite"
    ns.evaluate(network, digits, probes=["checks"], cache=cache)
    network.mean = 0.5
    with pytest.raises(InputError, match="another forward"):
        ns.evaluate(network, digits, probes=["checks"], cache=cache)


def test_results_without_their_check_are_not_reused(network, digits, tmp_path, computed):
    cache = tmp_path / "cache.sqlite"
    ns.evaluate(network, digits, probes=["checks"]).store(cache)
    ns.evaluate(network, digits, probes=["checks"], cache=cache)
    assert computed == ["checks", "clean", "checks"]


def test_an_interrupted_evaluation_resumes(network, digits, tmp_path, computed):
    cache = tmp_path / "cache.sqlite"

    def stop(where, result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ns.evaluate(network, digits, probes=PROBES, cache=cache, on_result=stop)
    ns.evaluate(network, digits, probes=PROBES, cache=cache)
    assert computed == PROBES


def test_the_cache_is_a_database_of_the_leaderboard(network, digits, tmp_path):
    cache = tmp_path / "cache.sqlite"
    ns.evaluate(network, digits, probes=PROBES, cache=cache, name="mine")
    (entry,) = Store.open(cache).entries()
    assert entry.card.name == "mine"
    assert set(entry.results) == set(PROBES)


def test_known_and_cache_exclude_each_other(network, digits, tmp_path):
    with pytest.raises(InputError, match="exclude each other"):
        ns.evaluate(network, digits, probes=["clean"], cache=tmp_path / "a.sqlite", known={})


def unnormalized():
    """The layers of a model of the zoo, without its normalization."""
    return ns.load_model("digits/mlp-standard").network


def test_a_doubtful_accuracy_is_a_warning_before_scoring_and_a_flag_afterwards():
    digits, scored = ns.load_dataset("digits").head(200), list[str]()
    with pytest.warns(UserWarning, match="is the normalization missing") as warned:
        report = ns.evaluate(
            unnormalized(),
            digits,
            probes=["clean"],
            name="mine",
            on_result=lambda where, result: scored.append(repr(result.flags)),
        )
    assert [each.filename for each in warned] == [__file__]
    assert "other_normalization" in scored[0]
    assert [flag.name for flag in report.flags if flag.name == "other_normalization"]
    assert "flags: other_normalization" in repr(report)
    assert "<strong>Flag: Another normalization gives a higher accuracy.</strong>" in (
        report._repr_html_()
    )
    assert report.scores == plain_evaluate(unnormalized(), digits, probes=["clean"]).scores


@pytest.mark.filterwarnings("error::UserWarning")
def test_a_model_with_its_normalization_raises_no_doubt():
    digits = ns.load_dataset("digits").head(200)
    model = nn.Sequential(ns.load_model("digits/mlp-standard"))
    report = ns.evaluate(model, digits, probes=["clean"])
    assert report.flags == []


def test_doubts_are_stored_with_cached_results_and_not_tried_again(tmp_path):
    digits, cache, seen = ns.load_dataset("digits").head(200), tmp_path / "a.sqlite", list[int]()
    network = unnormalized()
    with pytest.warns(UserWarning, match="is the normalization missing"):
        first = ns.evaluate(network, digits, probes=["clean"], cache=cache)
    network.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    again = ns.evaluate(network, digits, probes=["clean"], cache=cache)
    assert again == first
    assert sum(seen) <= 2 * len(digits)
