"""``python -m perf.flatness`` and the models from files that measurements take."""

import sys

import pytest
import torch

import perf.flatness
import perf.optimizer_strength
from models_zoo import load_model, save_weights
from perf.flatness import Line, table


def refusal(module, capsys, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["perf", "--threads", "1", *map(str, words)])
    torch.set_num_threads(1)
    with pytest.raises(SystemExit) as caught:
        module.main()
    assert caught.value.code == 2
    return capsys.readouterr().err


def test_a_folder_without_the_authors_code_is_refused(capsys, monkeypatch, tmp_path):
    words = ("--peer", tmp_path, "--model", "digits/mlp-standard")
    assert "fetch the authors' repository" in refusal(perf.flatness, capsys, monkeypatch, *words)


def test_a_file_needs_its_architecture(capsys, monkeypatch, tmp_path):
    words = ("--model", tmp_path / "own.safetensors")
    assert "--architecture" in refusal(perf.optimizer_strength, capsys, monkeypatch, *words)


def test_a_file_is_measured_with_the_battery_of_its_data_set(capsys, monkeypatch, tmp_path):
    save_weights(load_model("digits/mlp-standard").network, tmp_path / "own.safetensors")
    words = ("--model", tmp_path / "own.safetensors", "--architecture", "mlp", "--examples", "8")
    asked = {"thing": lambda subject, battery, factor: {(battery.name, "here"): float(factor)}}
    monkeypatch.setattr(perf.optimizer_strength, "QUESTIONS", asked)
    monkeypatch.setattr(sys, "argv", ["perf", "--threads", "1", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        perf.optimizer_strength.main()
    assert not caught.value.code
    assert "| own | digits-v1, here | 1.0000 | 10.0000 |" in capsys.readouterr().out


def test_theirs_is_shown_relative_to_ours():
    assert "| m | 0.005 | 0.4000 | 0.3000 | 75.0% |" in table([Line("m", 0.005, 0.4, 0.3)])
