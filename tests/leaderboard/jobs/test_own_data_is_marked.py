"""Results on images that are not those of the battery's data set say so wherever they are shown."""

import csv
import io
import json
import sqlite3
from importlib.resources import files

import numpy as np
import pytest
from safetensors.torch import save_file

from benchmark.batteries import Battery
from benchmark.datasets import load_dataset
from leaderboard.exports.badge import badge_of
from leaderboard.exports.eval_results import eval_results
from leaderboard.exports.every_eval_ever import every_eval_ever
from leaderboard.exports.model_index import model_index
from leaderboard.jobs.examples import evaluation_examples
from leaderboard.jobs.run import Run
from leaderboard.jobs.scoring import score_models
from leaderboard.pages import render_site
from leaderboard.reruns.claims import claims
from leaderboard.reruns.command_lines import bench_command, reproduce_command
from leaderboard.store import Store
from models_zoo import InputError, load_file, load_model
from models_zoo.architectures import build_architecture

BATTERY = Battery.model_validate(
    {
        "name": "digits-v1",
        "dataset": "digits",
        "description": "Clean accuracy and what a small change of an image does to it.",
        "default": ["clean"],
        "probes": {"clean": {}},
    }
)
MODEL = "digits/mlp-standard"


def scored(data, path, model=None, **options):
    store = Store.open(path)
    job = Run(BATTERY, data, ["clean"], **options)
    reports = score_models([model or load_model(MODEL)], job, store)
    return store, reports[0]


@pytest.fixture
def own(tmp_path):
    """A file of the last test digits, which are like the first ones."""
    digits = load_dataset("digits")
    path = tmp_path / "own.npz"
    pixels = (digits.images[-40:] * 255).round().to(dtype=digits.images.dtype).numpy()
    np.savez(path, x=pixels.astype(np.uint8), y=digits.labels[-40:].numpy())
    return evaluation_examples("digits", path, None, None, battery=BATTERY)


def test_every_place_says_that_images_are_one_s_own(own, tmp_path):
    store, report = scored(own, tmp_path / "a.sqlite")
    assert report.provenance.own_data is True
    (entry,) = store.entries()
    assert entry.provenance.own_data is True
    render_site(store, tmp_path / "site")
    site = tmp_path / "site"
    with sqlite3.connect(site / "nonsingular.sqlite") as database:
        assert database.execute("SELECT DISTINCT own_data FROM leaderboard").fetchall() == [(1,)]
        text = (files("leaderboard.pages") / "static" / "datasette.json").read_text("utf-8")
        queries = json.loads(text)["databases"]["nonsingular"]["queries"]
        assert database.execute(queries["ranking"]["sql"]).fetchall() == []
    assert "own images</span>" in (site / "index.html").read_text("utf-8")
    (folder,) = [each for each in (site / "models").iterdir() if each.is_dir()]
    assert "own images</span>" in (folder / "index.html").read_text("utf-8")
    record = json.loads((folder / "record.json").read_text("utf-8"))
    assert record["evaluations"][0]["own_data"] is True
    index = json.loads((site / "results.json").read_text("utf-8"))
    assert index["boards"][0]["own_data"] is True
    text = (site / "boards" / "digits-v1.csv").read_text("utf-8")
    assert next(csv.DictReader(io.StringIO(text)))["own_data"] == "true"
    assert "own images" in badge_of(entry).title or "not measured" in badge_of(entry).message
    assert '"own":true' in (site / "models" / "index.js").read_text("utf-8").replace(" ", "")


def test_exports_name_the_data_set_of_own_images_as_another(own, tmp_path):
    store, _ = scored(own, tmp_path / "a.sqlite")
    (entry,) = store.entries()
    text = model_index([entry])
    assert "dataset_name" not in text
    assert "name: own images, not Digits (scikit-learn)" in text
    assert "type: own" in text
    assert "own_data: true" in text
    data = json.loads(every_eval_ever([entry]))["evaluation_results"][0]["source_data"]
    assert data["dataset_name"] == "own images, not Digits (scikit-learn)"
    assert data["additional_details"]["own_data"] == "true"
    with pytest.raises(InputError, match="no headline score on test images of a battery's data"):
        eval_results([entry], "owner/name")
    assert claims(entry.card, [entry])[0].measured == []


def test_commands_on_own_images_ask_for_their_file(own, tmp_path):
    store, _ = scored(own, tmp_path / "a.sqlite")
    (entry,) = store.entries()
    assert "--data FILE" in reproduce_command(entry)
    assert bench_command(entry).count("--data FILE") == 1
    assert "--own-data" not in bench_command(entry)


def test_own_images_of_another_form_are_scored_and_run_again(tmp_path):
    path = tmp_path / "own.npz"
    x = np.random.default_rng(0).integers(0, 256, (20, 1, 6, 6), np.uint8)
    np.savez(path, x=x, y=np.arange(20) % 4)
    with pytest.raises(InputError, match=r"got \(1, 6, 6\); give --own-data if these"):
        evaluation_examples("digits", path, None, None, battery=BATTERY)
    data = evaluation_examples("digits", path, None, None, battery=BATTERY, own_data=True)
    assert data.classes == 4
    network = build_architecture("mlp", classes=4, input_shape=(1, 6, 6))
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    model = load_file(
        tmp_path / "net.safetensors",
        architecture="mlp",
        dataset="digits",
        classes=4,
        input_shape=(1, 6, 6),
    )
    store, report = scored(data, tmp_path / "a.sqlite", model, own_data=True)
    assert report.provenance.own_data is True
    (entry,) = store.entries()
    assert "--own-data" in bench_command(entry)


def test_the_data_set_s_own_images_are_not_marked(tmp_path):
    store, report = scored(load_dataset("digits").head(40), tmp_path / "a.sqlite")
    assert report.provenance.own_data is False
    render_site(store, tmp_path / "site")
    assert "own images" not in (tmp_path / "site" / "index.html").read_text("utf-8")
    with sqlite3.connect(tmp_path / "site" / "nonsingular.sqlite") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(headline)")]
    assert "own_data" in columns
    (entry,) = store.entries()
    assert len(claims(entry.card, [entry])[0].measured) == 1
    assert "--data" not in reproduce_command(entry)


def test_what_was_noticed_before_scoring_is_stored_and_shown(tmp_path, capsys):
    """A network for digits from 0 to 255, given without its normalization."""
    digits = load_dataset("digits").head(200)
    model = load_model(MODEL)
    weights = dict(model.network.state_dict())
    save_file(weights, tmp_path / "net.safetensors")
    loaded = load_file(
        tmp_path / "net.safetensors",
        architecture="mlp",
        dataset="digits",
        input_shape=(1, 8, 8),
    )
    store, report = scored(digits, tmp_path / "a.sqlite", loaded)
    said = capsys.readouterr().err
    assert said.count("note: 'net': Accuracy ") == 1
    assert "is the normalization missing?" in said
    flags = {flag.name: flag.raised for flag in report.results["clean"].flags}
    assert flags["other_normalization"] is True
    (entry,) = store.entries()
    assert entry.results["clean"].flags == report.results["clean"].flags
    render_site(store, tmp_path / "site")
    (summary,) = store.summaries([("clean", "accuracy")], [])
    assert summary.flags == 1
    (folder,) = [each for each in (tmp_path / "site" / "models").iterdir() if each.is_dir()]
    assert "is the normalization missing?" in (folder / "index.html").read_text("utf-8")
    scored(digits, tmp_path / "a.sqlite", loaded)
    assert "note:" not in capsys.readouterr().err
