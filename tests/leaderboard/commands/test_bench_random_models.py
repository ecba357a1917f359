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

    Path("quick.toml").write_text(BATTERY)
    assert run([*command, "--battery", "quick.toml"]) == 0
    (report,) = json.loads(Path("scores.json").read_text("utf-8")).values()
    scores = report["results"]["randomized"]["scores"]
    assert scores["expected_robust"]["value"] < scores["expected_clean"]["value"]
