"""``nonsingular bench`` with a model that draws random numbers."""

import json
from pathlib import Path

import pytest

import models_zoo
from leaderboard.cli import run

WEIGHTS = Path(models_zoo.__file__).parent / "checkpoints/digits/mlp-pgd-at.safetensors"
CARD = ["--mean", "0.3054", "--std", "0.3759", "--architecture", "noise-0.25:mlp"]
MODEL = ["--checkpoint", str(WEIGHTS), *CARD]
BATTERY = """
name = "quick-randomized"
dataset = "digits"
description = "Little effort."
default = ["randomized"]
[probes.randomized]
eps = 0.2
effort = "quick"
draws = 10
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_point_scores_are_refused_before_any_work_and_expectations_are_not(capsys):
    command = ["bench", *MODEL, "--examples", "8", "--no-site", "--json", "scores.json"]
    assert run([*command, "--battery", "digits-v1"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "is random (drawn separately for every image from the global generators" in said
    assert "use battery 'digits-randomized-v1', whose scores are expectations" in said
    assert not Path("scores.json").exists()

    assert run(["bench", "digits/mlp-noise-standard", "--no-site"]) == 2
    assert "model 'digits/mlp-noise-standard' is random" in capsys.readouterr().err

    Path("quick.toml").write_text(BATTERY)
    assert run([*command, "--battery", "quick.toml"]) == 0
    (report,) = json.loads(Path("scores.json").read_text("utf-8")).values()
    scores = report["results"]["randomized"]["scores"]
    assert scores["expected_robust"]["value"] < scores["expected_clean"]["value"]


def test_a_pattern_leaves_random_models_out_and_says_where_their_scores_are(capsys):
    command = ["bench", "--examples", "2", "--workers", "1", "--no-site", "--json", "scores.json"]
    assert run([*command, "digits/mlp-n*", "--probe", "clean"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "random, so not scored with digits-v1: digits/mlp-noise-standard;" in said
    assert "use battery 'digits-randomized-v1'" in said
    assert [*json.loads(Path("scores.json").read_text("utf-8"))] == ["digits/mlp-nonsingular"]

    assert run([*command, "digits/mlp-noise-*", "--probe", "clean"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "all models that match are random (digits/mlp-noise-standard)" in said

    Path("quick.toml").write_text(BATTERY)
    assert run([*command, "digits/mlp-n*", "--battery", "quick.toml"]) == 0
    assert "not scored" not in capsys.readouterr().err
    names = ["digits/mlp-noise-standard", "digits/mlp-nonsingular"]
    assert [*json.loads(Path("scores.json").read_text("utf-8"))] == names
