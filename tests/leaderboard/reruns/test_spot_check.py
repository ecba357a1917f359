"""A random part of the stored results is run again."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from benchmark.batteries import Battery
from benchmark.datasets import load_dataset
from benchmark.evaluation import evaluate
from benchmark.probes import PROBES
from benchmark.statistics import proportion
from leaderboard.cli import run
from leaderboard.reruns.spot_check import spot_checks
from leaderboard.store import Store
from models_zoo import load_model

NAME = "digits/mlp-pgd-at"
BATTERY = Battery.model_validate(
    {
        "name": "cheap",
        "dataset": "digits",
        "description": "Clean accuracy and one budget per norm.",
        "default": ["clean", "input"],
        "probes": {
            "clean": {},
            "input": {
                **{"linf": [0.2], "l2": [0.5], "headline_linf": 0.2, "headline_l2": 0.5},
                "effort": "quick",
            },
        },
    }
)
PARTIAL = {name for name, probe in PROBES.items() if probe.example_wise}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A database with real results on 30 images: of all probes of which a part can be run."""
    path = tmp_path_factory.mktemp("verify") / "scores.sqlite"
    model, data = load_model(NAME), load_dataset("digits").head(30)
    report = evaluate(model, data.images, data.labels, BATTERY, own_data=True)
    store = Store.open(path)
    for result in report.results.values():
        # Pretend that it took an hour, so that only a part of it fits.
        cost = result.cost.model_copy(update={"seconds": 3600.0})
        store.save(model.card, report.provenance, BATTERY, result.model_copy(update={"cost": cost}))
    return path


def checked(path, seconds, seed=0):
    return list(
        spot_checks(
            Store.open(path).entries(),
            lambda entry: load_model(entry.card.name),
            lambda entry: load_dataset("digits").head(entry.provenance.examples),
            seconds=seconds,
            seed=seed,
        )
    )


def test_a_part_of_the_examples_agrees_with_the_whole(measured):
    done = checked(measured, 7200.0)
    assert {each.probe for each in done} == PARTIAL >= {"clean", "input"}
    assert min(each.examples for each in done) in range(10, 30)
    assert all(each.found.same and each.found.examples[1] for each in done)


def test_a_result_that_was_changed_is_found(measured, tmp_path):
    copy = tmp_path / "copy.sqlite"
    with closing(sqlite3.connect(measured)) as database:
        database.execute("VACUUM INTO ?", (str(copy),))
    store = Store.open(copy)
    (entry,) = store.entries()
    result = entry.results["input"]
    flipped = np.logical_not(result.outcomes["headline"])
    changed = result.model_copy(
        update={
            "outcomes": result.outcomes | {"headline": flipped},
            "scores": result.scores | {"robust_accuracy": proportion(flipped)},
        }
    )
    store.save(entry.card, entry.provenance, BATTERY, changed)
    found = {each.probe: each.found for each in checked(copy, 7200.0)}
    assert found["clean"].same
    assert not found["input"].same
    assert found["input"].examples[0] >= 10


def test_what_would_take_too_long_is_not_run(measured):
    assert {each.reason for each in checked(measured, 1e-3)} <= {"it would take too long"}


def test_the_command_says_what_holds(measured, capsys):
    assert run(["verify", "--minutes", "120", "--choice", "3", "--database", str(measured)]) == 0
    printed = capsys.readouterr().out
    assert "repeat it with --choice 3" in printed
    assert (
        f"{len(PARTIAL)} results run again: {len(PARTIAL)} agree to the last bit, 0 differ"
        in printed
    )
    assert run(["verify", "no-such", "--database", str(measured)]) == 2
