"""``nonsingular counterexample``: from a file to a lower row, or to a refusal."""

import sqlite3

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmark.batteries import load_battery
from benchmark.budgets import Budget
from benchmark.counterexamples import Counterexample, write_counterexample
from benchmark.datasets import load_dataset
from benchmark.provenance import provenance_of
from benchmark.results import Outcome, ProbeResult
from benchmark.statistics import proportion
from benchmark.threats import InputThreat, WeightThreat
from leaderboard.commands import counterexample
from leaderboard.store import Store
from models_zoo import InputError, load_model

MODEL, N = "digits/mlp-standard", 20
LINF = InputThreat("linf", Budget.of(0.2))


@pytest.fixture(scope="module")
def model():
    return load_model(MODEL)


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits").head(N)


@pytest.fixture
def database(model, data, tmp_path):
    """A result in which every example is robust."""
    battery = load_battery("digits-v1")
    where = provenance_of(model, data.images, data.labels, battery, 0, "cpu")
    every = np.ones(N, bool)
    result = ProbeResult(
        probe="input",
        scores={"robust_accuracy": proportion(every)},
        share_of={"robust_accuracy": "headline"},
    ).with_outcomes({"headline": Outcome(every, "headline", LINF)})
    Store.open(tmp_path / "scores.sqlite").save(model.card, where, battery, result)
    return tmp_path / "scores.sqlite"


@pytest.fixture
def run(tmp_path, monkeypatch, database):
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    counterexample.register(app)

    def call(*words):
        result = CliRunner().invoke(app, [*map(str, words), "--database", str(database)])
        if isinstance(result.exception, InputError):
            raise result.exception
        assert result.exception is None, result.output
        return result.output

    return call


def written(model, data, path, **changes):
    """Adversarial images of one step along the gradient's sign; how many of them were right."""
    images = data.images.clone().requires_grad_()
    loss = torch.nn.functional.cross_entropy(model(images), data.labels)
    (gradient,) = torch.autograd.grad(loss, images)
    moved = (data.images + 0.19 * gradient.sign()).clamp(0, 1)
    right = model(data.images).argmax(1) == data.labels
    broken = (right & (model(moved).argmax(1) != data.labels)).nonzero().squeeze(1)
    fields = {
        "threat": LINF,
        "indices": broken,
        "images": moved[broken],
        "fingerprint": model.fingerprint,
        "data_sha256": data.sha256,
    }
    write_counterexample(path, Counterexample(**(fields | changes)))
    return len(broken)


def robust(database):
    with sqlite3.connect(database) as connection:
        return [n for (n,) in connection.execute("SELECT n_robust FROM outcomes")]


def test_what_is_found_lowers_the_row_once_and_names_its_finder(run, model, data, database):
    count = written(model, data, "found.safetensors")
    said = run("found.safetensors", "--by", "Ada Lovelace")
    assert f"verified: {count} of 20 examples of {MODEL} are broken within linf 0.2" in said
    assert f"digits-v1, input, headline: 20 robust examples, now {20 - count}" in said
    assert robust(database) == [20 - count]
    assert "nothing changes" in run("found.safetensors", "--by", "Eve")
    (entry,) = Store.open(database).entries()
    assert [each.by for each in entry.counterexamples] == ["Ada Lovelace"]


def test_a_dry_run_stores_nothing(run, model, data, database):
    written(model, data, "found.safetensors")
    assert "verified" in run("found.safetensors", "--dry-run")
    assert robust(database) == [20]


@pytest.mark.parametrize(
    ("changes", "options", "reason"),
    [
        ({"threat": InputThreat("linf", Budget.of(0.1))}, (), "outside its linf ball"),
        ({"fingerprint": "0" * 64}, (MODEL,), "about other model than"),
        ({"data_sha256": "0" * 64}, (), "about other examples than"),
        ({"fingerprint": ""}, (), "does not state its model"),
        ({}, ("--examples", "10"), "not stored with"),
        ({}, ("digits/other",), "unknown stored model"),
        ({"threat": WeightThreat("relative-l2", Budget.of(0.1))}, (), "cannot have perturbed"),
    ],
)
def test_what_is_wrong_changes_nothing(run, model, data, database, changes, options, reason):
    written(model, data, "found.safetensors", **changes)
    with pytest.raises(InputError, match=reason):
        run("found.safetensors", *options, "--by", "Ada")
    assert robust(database) == [20]
    (entry,) = Store.open(database).entries()
    assert entry.counterexamples == []


def test_a_finder_has_a_name(run, model, data):
    written(model, data, "found.safetensors")
    with pytest.raises(InputError, match="give --by"):
        run("found.safetensors")
    with pytest.raises(InputError, match="cannot be shown"):
        run("found.safetensors", "--by", "a" * 300)
