"""``nonsingular bench``: what it writes, what it does not compute again, and a kill half-way."""

import json
import signal
import sqlite3
import time
from contextlib import closing

import pytest

FEW = ("--probe", "clean", "--probe", "intrinsic", "--examples", "20", "--jobs", "2")
MODELS = ("digits/mlp-standard", "digits/mlp-pgd-at")


def rows(folder):
    """Every stored score by model, probe and name."""
    query = (
        "select m.name, r.probe, s.name, s.value, s.low, s.high, s.n from scores s "
        "join results r on r.id = s.result_id join models m on m.fingerprint = r.fingerprint"
    )
    with closing(sqlite3.connect(folder / "nonsingular.sqlite", timeout=30)) as connection:
        return sorted(connection.execute(query).fetchall())


def created(folder):
    with closing(sqlite3.connect(folder / "nonsingular.sqlite")) as connection:
        return sorted(connection.execute("select id, created from results").fetchall())


def test_it_writes_scores_site_and_json_and_computes_nothing_twice(here, tmp_path):
    few = (*FEW[:-1], "1")
    code, first, error = here("bench", MODELS[0], *few, "--json", "r.json")
    assert code == 0, error
    report = json.loads((tmp_path / "r.json").read_text())[MODELS[0]]
    accuracy = report["results"]["clean"]["scores"]["accuracy"]
    assert accuracy["n"] == 20
    assert (MODELS[0], "clean", "accuracy", accuracy["value"]) in [r[:4] for r in rows(tmp_path)]
    assert MODELS[0] in (tmp_path / "site" / "index.html").read_text()
    assert (tmp_path / "site" / "index.html").as_uri() in first.replace("\n", "")
    stored = created(tmp_path)

    code, second, error = here("bench", MODELS[0], *few, "--json", "again.json")
    assert code == 0
    assert created(tmp_path) == stored
    assert second == first
    assert "took" not in error
    again = json.loads((tmp_path / "again.json").read_text())[MODELS[0]]
    assert again["results"] == report["results"]

    scores = rows(tmp_path)
    here("bench", MODELS[0], *few, "--no-site", "--fresh")
    assert created(tmp_path) != stored
    assert rows(tmp_path) == scores


def test_a_run_that_is_killed_goes_on_with_the_same_scores(here, forks, tmp_path):
    probes = ("clean", "intrinsic", "weight")
    asked = [part for probe in probes for part in ("--probe", probe)]
    line = ["bench", *MODELS, *asked, "--examples", "8", "--no-site", "--jobs", "2"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    process = forks.start(*line, folder=killed)
    while process.poll() is None:
        time.sleep(0.05)
        try:
            if rows(killed):
                break
        except sqlite3.OperationalError:  # the tables are not there yet
            continue
    if process.kill() != -signal.SIGKILL:
        pytest.fail("the run was over before it could be killed")
    partly = rows(killed)
    for folder in (killed, whole):  # in one process, which gives what several give
        code, _, error = here(*line[:-1], "1", folder=folder)
        assert code == 0, error
    assert 0 < len(partly) < len(rows(whole))
    assert rows(killed) == rows(whole)


def test_training_examples_are_stored_as_such(here, tmp_path):
    few = ("--probe", "clean", "--examples", "20", "--no-site", "--jobs", "1")
    code, _, error = here("bench", MODELS[0], *few, "--split", "train", "--json", "r.json")
    assert code == 0, error
    here("bench", MODELS[0], *few)
    with closing(sqlite3.connect(tmp_path / "nonsingular.sqlite")) as connection:
        stored = connection.execute("select provenance, data_sha256 from results").fetchall()
    assert [json.loads(text)["split"] for text, _ in stored] == ["train", "test"]
    assert len({data for _, data in stored}) == 2
    report = json.loads((tmp_path / "r.json").read_text())[MODELS[0]]
    assert report["provenance"]["split"] == "train"


def test_without_names_it_scores_the_bundled_models_and_names_the_others(here, shared_data):
    few = ("--probe", "clean", "--examples", "8", "--no-site", "--jobs", "1")
    images = shared_data / "cifar10" / "test_846.npz"
    code, out, err = here("bench", "--battery", "cifar10-linf-v1", "--data", images, *few)
    assert code == 0
    assert "cifar10/resnet2b-pgd-at" in out
    assert "cifar10/resnet18-standard" not in out
    assert "not scored unless named: cifar10/resnet18-standard" in " ".join(err.split())
