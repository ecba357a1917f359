"""``nonsingular export``: every format, and what a mistake is answered with."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest
import yaml
from typer.testing import CliRunner

from leaderboard import cli
from leaderboard.cli import app
from leaderboard.commands.export import Format
from leaderboard.exports.badge import badge_of, badge_svg
from leaderboard.store import Store

MODEL = "digits/cnn-pgd-at"


@pytest.fixture
def database(tmp_path, made_up):
    path = tmp_path / "scores.sqlite"
    made_up.fill(Store.open(path))
    return path


def run(database, *words):
    return CliRunner().invoke(
        app, ["export", *words, "--database", str(database)], catch_exceptions=False
    )


def error_of(monkeypatch, capfd, database, *words):
    """What the program prints, as a user sees it."""
    command = ["nonsingular", "export", *words, "--database", str(database)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    return capfd.readouterr().err


def test_every_format_is_printed_and_written_alike(database, tmp_path):
    texts = {}
    for kind in Format:
        words = [MODEL, "--format", kind, "--benchmark", "a/b"]
        printed = run(database, *words)
        assert printed.exit_code == 0
        out = tmp_path / "out"
        assert run(database, *words, "--out", str(out)).stdout == ""
        texts[kind] = out.read_text("utf-8")
        assert printed.stdout_bytes == out.read_bytes()
    assert json.loads(texts[Format.RECORD])["model"]["name"] == MODEL
    assert yaml.safe_load(texts[Format.MODEL_INDEX].strip("-\n"))["model-index"][0]["name"] == MODEL
    assert yaml.safe_load(texts[Format.EVAL_RESULTS])[0]["dataset"]["id"] == "a/b"
    assert json.loads(texts[Format.EVERY_EVAL_EVER])["model_info"]["name"] == MODEL
    (entry,) = (e for e in Store.open(database).entries() if e.card.name == MODEL)
    assert texts[Format.BADGE] == badge_svg(badge_of(entry))
    assert json.loads(texts[Format.SHIELDS])["message"] == badge_of(entry).message


def test_a_fingerprint_names_a_model_too(database):
    start = hashlib.sha256(MODEL.encode()).hexdigest()[:8]
    assert json.loads(run(database, start).stdout)["model"]["name"] == MODEL


def test_a_battery_leaves_out_the_others(database, made_up):
    made_up.fill(Store.open(database), battery=made_up.Battery(name="other-v1"))
    found = json.loads(run(database, MODEL, "--battery", "other-v1").stdout)["evaluations"]
    assert [each["battery"] for each in found] == ["other-v1"]
    assert len(json.loads(run(database, MODEL).stdout)["evaluations"]) == 2


def test_a_battery_is_named_by_its_hash_too(database, made_up, tmp_path):
    made_up.fill(Store.open(database), battery=made_up.Battery(name="other-v1"))
    sha256 = made_up.Battery(name="other-v1").sha256
    found = json.loads(run(database, MODEL, "--battery", sha256[:12]).stdout)["evaluations"]
    assert [each["battery"] for each in found] == ["other-v1"]


def test_a_name_that_no_terminal_should_see_stays_a_text(database, made_up):
    name = "x\x1b[31m\n<script>"
    made_up.fill(Store.open(database), [(name, "standard", 0.1)])
    for kind in ("model-index", "badge"):
        assert "\x1b" not in run(database, name, "--format", kind).stdout
    assert json.loads(run(database, name).stdout)["model"]["name"] == name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["digits/cnn-pgd"], "did you mean 'digits/cnn-pgd-at'"),
        ([""], "unknown stored model ''"),
        ([MODEL, "--battery", "digits-v2"], "known: digits-v1"),
        ([MODEL, "--format", "eval-results"], "--benchmark OWNER/NAME"),
        ([MODEL, "--format", "eval-results", "--benchmark", "a"], "'a' is not of the form"),
        ([MODEL, "--source-url", "javascript:alert(1)"], "does not begin with https://"),
        ([MODEL, "--out", "/nowhere/at/all.json"], "its folder does not exist"),
    ],
)
def test_a_mistake_is_one_line(monkeypatch, capfd, database, words, said):
    text = error_of(monkeypatch, capfd, database, *words)
    assert said in text
    assert text.count("\n") == 1


def test_two_models_of_a_name_are_told_apart_by_fingerprint(monkeypatch, capfd, database, made_up):
    store, battery = Store.open(database), made_up.Battery()
    provenance = made_up.provenance(battery, "b" * 64)
    store.save(made_up.card(MODEL), provenance, battery, made_up.results()["clean"])
    assert "bbbbbbbbbbbb" in error_of(monkeypatch, capfd, database, MODEL)
    assert json.loads(run(database, "bbbbbb").stdout)["fingerprint"] == "b" * 64
