"""``nonsingular transfer``: related models against a stored result, up to its lower row."""

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmark.batteries import load_battery
from benchmark.budgets import Budget
from benchmark.counterexamples import read_counterexample
from benchmark.datasets import load_dataset
from benchmark.provenance import provenance_of
from benchmark.results import Outcome, ProbeResult
from benchmark.statistics import proportion
from benchmark.threats import InputThreat, WeightThreat
from leaderboard.commands import counterexample, transfer
from leaderboard.store import Store
from models_zoo import InputError, load_model

MODEL, SIBLING, N = "digits/mlp-standard", "digits/mlp-pgd-at", 20
BUDGETS = [
    InputThreat(norm, Budget.of(eps)) for norm, eps in (("linf", 0.1), ("linf", 0.2), ("l2", 1))
]


@pytest.fixture(scope="module")
def data():
    return load_dataset("digits").head(N)


@pytest.fixture
def run(tmp_path, monkeypatch, data):
    """A result that says of every example but the first to be robust at three budgets."""
    monkeypatch.chdir(tmp_path)
    model, battery = load_model(MODEL), load_battery("digits-v1")
    where = provenance_of(model, data.images, data.labels, battery, 0, "cpu")
    said = np.arange(N) > 0
    outcomes = {each.key: Outcome(said, "budget", each) for each in BUDGETS}
    outcomes["headline"] = Outcome(said, "headline", BUDGETS[0])
    result = ProbeResult(
        probe="input",
        scores={"robust_accuracy": proportion(said)},
        share_of={"robust_accuracy": "headline"},
    ).with_outcomes(outcomes)
    database = tmp_path / "scores.sqlite"
    store = Store.open(database)
    store.save(model.card, where, battery, result)
    weights = WeightThreat("relative-l2", Budget.of(0.01))
    of_weights = ProbeResult(
        probe="weight",
        scores={"robust_accuracy": proportion(said)},
        share_of={"robust_accuracy": "headline"},
    ).with_outcomes({"headline": Outcome(said, "headline", weights)})
    other = load_model("digits/cnn-standard")
    elsewhere = provenance_of(other, data.images, data.labels, battery, 0, "cpu")
    store.save(other.card, elsewhere, battery, of_weights)
    app = typer.Typer()
    transfer.register(app)
    counterexample.register(app)

    def call(*words):
        found = CliRunner().invoke(app, [*map(str, words), "--database", str(database)])
        if isinstance(found.exception, InputError):
            raise found.exception
        assert found.exception is None, found.output
        return found.output

    return call


def test_what_transfers_is_written_verified_and_counted(run, tmp_path):
    said = run("transfer", MODEL, "--surrogate", SIBLING, "--surrogate", "digits/cnn-standard")
    assert all(f"{each.label}: 19 of 20 examples robust so far" in said for each in BUDGETS)
    files = sorted((tmp_path / "counterexamples").iterdir())
    assert len(files) == len(BUDGETS)
    found = {}
    for file in files:
        example = read_counterexample(file)
        assert example.indices is not None
        found[example.threat] = set(example.indices.tolist())
        assert 0 not in found[example.threat]
    smaller, larger, _ = BUDGETS
    assert smaller in found
    assert not found[smaller] & found[larger], "what fell at a smaller budget is not found again"
    assert f"{smaller.label}: 19 of 20 examples robust so far, {len(found[smaller])} of" in said
    both = len(found[smaller] | found[larger])
    assert f"{larger.label}: 19 of 20 examples robust so far, {both} of" in said
    (file,) = [each for each in files if read_counterexample(each).threat == smaller]
    lowered = run("counterexample", file, "--by", "Ada")
    assert f"headline: 19 robust examples, now {19 - len(found[smaller])}" in lowered
    again = run("transfer", MODEL, "--surrogate", SIBLING, "--out", "again")
    assert f"{smaller.label}: {19 - len(found[smaller])} of 20" in again


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((MODEL, "--surrogate", MODEL), "is the attacked model itself"),
        ((MODEL, "--surrogate", "digits/mlp-standart"), "did you mean"),
        ((MODEL, "--surrogate", "cifar10/resnet2b-standard"), "surrogate 0: "),
        (("digits/mlp-mart", "--surrogate", SIBLING), "unknown stored model"),
        (("digits/cnn-standard", "--surrogate", SIBLING), "score it with the probe 'input' first"),
        ((MODEL, "--surrogate", SIBLING, "--out", "scores.sqlite"), "is a file"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(run, tmp_path, words, reason):
    with pytest.raises(InputError, match=reason):
        run("transfer", *words)
    assert [each.name for each in tmp_path.iterdir() if each.is_dir()] == []
