"""``nonsingular plan`` says what a run would compute and how long it takes, and writes nothing."""

import json
from pathlib import Path

import pytest

from benchmark import evaluate
from benchmark.batteries import load_battery
from benchmark.datasets import load_dataset
from benchmark.planning import Estimate
from leaderboard.cli import run
from leaderboard.jobs import planning
from leaderboard.store import Store
from models_zoo import load_model

MODELS = ["digits/mlp-standard", "digits/mlp-pgd-at"]
COMMAND = ["plan", *MODELS, "--examples", "8", "--probe", "clean", "--probe", "input"]


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _estimates(monkeypatch):
    """Estimates that take no time: ten seconds for the probe ``input``, and one for others."""

    def estimate(subject, battery, probes, **options):
        assert options["tries"]
        reason = "nothing to adjust"
        return {
            name: Estimate(name, 0.0, 0, 0, left_out=reason)
            if name == "regional"
            else Estimate(name, 10.0 if name == "input" else 1.0, 60, 40)
            for name in probes
        }

    monkeypatch.setattr(planning, "estimate_on", estimate)


def test_it_lists_units_with_their_estimates_and_the_time_for_each_number_of_workers(capsys):
    assert run([*COMMAND, "--workers", "1", "--workers", "2", "--probe", "regional"]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert ["seconds", "total", "clean", "input", "regional"] in lines
    assert ["digits/mlp-pgd-at", "11.0", "1.0", "10.0", "-"] in lines
    for text in (
        "left out: regional: nothing to adjust",
        "6 to compute, 0 stored, 0:22 of work",
        "longest: input of digits/mlp-standard, 0:10",
        "1 worker: 0:22",
        "2 workers: 0:11",
    ):
        assert text in out.splitlines()
    assert [*Path().iterdir()] == []  # not even a database


def test_it_says_where_input_attacks_would_be_divided(capsys):
    assert run([*COMMAND, "--shards", "4", "--workers", "1", "--workers", "8"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert "1 worker: 0:22, 2 input attacks in 8 shards" in out
    assert "8 workers: 0:03, 2 input attacks in 8 shards" in out
    assert run([*COMMAND, "--shards", "4", "--workers", "8", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {*found["workers"][0]["shards"].values()} == {4}
    assert run([*COMMAND, "--workers", "8"]) == 0
    assert "8 workers: 0:10" in capsys.readouterr().out.splitlines(), "8 examples are too few"


def test_a_stored_result_is_not_planned_unless_it_is_to_be_fresh(capsys):
    battery, model = load_battery("digits-v1"), load_model(MODELS[0])
    data = load_dataset("digits").head(8)
    report = evaluate(model, data.images, data.labels, battery, ["clean"])
    store = Store.open("nonsingular.sqlite")
    store.save(model.card, report.provenance, battery, report.results["clean"])
    store.engine.dispose()
    before = Path("nonsingular.sqlite").read_bytes()
    assert run([*COMMAND, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["stored"] == {MODELS[0]: ["clean"], MODELS[1]: []}
    assert sorted((unit["model"], unit["probe"]) for unit in found["units"]) == [
        (MODELS[1], "clean"),
        (MODELS[1], "input"),
        (MODELS[0], "input"),
    ]
    assert found["seconds"] == 21
    assert [each["workers"] for each in found["workers"]] == [1, 2, 8, 64]
    assert [each["seconds"] for each in found["workers"]] == [21, 11, 10, 10]
    assert len({unit["identity"] for unit in found["units"]}) == 3
    assert run([*COMMAND, "--json", "--fresh"]) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] == 22
    assert Path("nonsingular.sqlite").read_bytes() == before
