"""The same command gives the same scores, whatever the order of probes or the batches."""

import random
import traceback

import numpy as np
import pytest
import torch

from benchmark import attack_inputs, attack_weights, evaluate
from benchmark.subject import Subject

ORDER = ["clean", "checks", "input", "weight", "joint", "backdoor", "flatness", "intrinsic"]


@pytest.fixture
def ask(zoo, digits, battery):
    def asked(probes=None, count=30, **options):
        data = digits.head(count)
        return evaluate(
            zoo("digits/mlp-pgd-at"), data.images, data.labels, battery(), probes, **options
        )

    return asked


@pytest.fixture(scope="module")
def in_order(zoo, digits, battery):
    """What :data:`ORDER` gives with the usual seed."""
    data = digits.head(30)
    return evaluate(zoo("digits/mlp-pgd-at"), data.images, data.labels, battery(), ORDER)


def outcomes_of(report):
    return {
        f"{probe}.{name}": bits.tolist()
        for probe, result in report.results.items()
        for name, bits in result.outcomes.items()
    }


def test_the_same_seed_gives_the_same_scores(ask):
    first, second = (ask(seed=5) for _ in range(2))
    assert first.scores == second.scores
    assert outcomes_of(first) == outcomes_of(second)


def test_the_order_of_the_probes_does_not_matter(ask, in_order):
    second = ask(ORDER[::-1])
    assert in_order.scores == second.scores
    assert list(second.results) == ORDER[::-1]


def test_a_probe_alone_scores_as_it_does_among_others(ask, in_order):
    for probe in ("joint", "backdoor", "flatness", "intrinsic"):
        for name, value in ask([probe]).scores.items():
            assert in_order.scores[name] == value, name


def test_the_batch_size_does_not_matter(ask):
    probes = ["clean", "input", "weight", "joint"]
    few, many = ask(probes, 16, batch_size=5), ask(probes, 16, batch_size=256)
    for probe in (*probes, "nonsingular"):
        name = "accuracy" if probe == "clean" else "robust_accuracy"
        assert few.scores[f"{probe}.{name}"] == many.scores[f"{probe}.{name}"], probe
    assert few.scores["clean.cross_entropy"] == pytest.approx(many.scores["clean.cross_entropy"])


def test_the_seed_matters(ask):
    first, second = ask(["weight", "flatness"], seed=0), ask(["weight", "flatness"], seed=1)
    assert first.scores["flatness.average_robust"] != second.scores["flatness.average_robust"]


def test_known_results_are_not_computed_again(ask):
    known = ask(["clean", "input"]).results
    told = []
    report = ask(
        ["clean", "input", "intrinsic"],
        known=known,
        on_result=lambda provenance, result: told.append((provenance.seed, result.probe)),
        seed=0,
    )
    assert told == [(0, "intrinsic")]
    assert report.results["input"] is known["input"]


def test_random_streams_differ_by_purpose_and_by_seed():
    def draw(seed, *purpose):
        model, images = torch.nn.Flatten(), torch.zeros(1, 1, 2, 2)
        subject = Subject(model, images, torch.zeros(1).long(), seed=seed)
        return tuple(torch.rand(3, generator=subject.generator(*purpose)).tolist())

    keys = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 1), (0, "a", 0.1), (0, "a", 0.2)]
    assert len({draw(*key) for key in keys}) == len(keys)
    assert draw(0, "a", 0.1) == draw(0, "a", 0.1)


def test_seeding_for_a_model_repeats_its_draws_and_formats_no_stack(subject, monkeypatch):
    asked, draws = subject(count=2), []
    if not torch.accelerator.is_available():
        monkeypatch.setattr(traceback, "format_stack", pytest.fail)
    for _ in range(2):
        asked.seed_generators("dropout")
        draws.append((torch.rand(3).tolist(), float(np.random.rand()), random.random()))  # noqa: NPY002, S311
    assert draws[0] == draws[1]


def test_single_attacks_repeat(zoo, digits):
    model, data = zoo("digits/cnn-standard"), digits.head(8)
    one, two = (attack_inputs(model, data.images, data.labels, eps=0.1) for _ in range(2))
    assert torch.equal(one.images, two.images)
    first, second = (
        attack_weights(model, data.images, data.labels, radius=0.02, steps=5) for _ in range(2)
    )
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)
