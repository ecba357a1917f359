"""``nonsingular check`` says what would be refused, and how to fix it, in a process of its own."""

import json
from importlib.resources import files

import pytest
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from tests.leaderboard.submissions.conftest import CARD, moved


@pytest.fixture
def run(tmp_path, monkeypatch):
    from leaderboard.cli import app

    monkeypatch.chdir(tmp_path)

    def command(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return command


@pytest.fixture
def weights():
    path = files("models_zoo") / "checkpoints" / "digits" / "mlp-standard.safetensors"
    return load_file(str(path))


def test_a_file_of_another_kind_is_refused_with_its_fix(run, tmp_path):
    (tmp_path / "net.safetensors").write_bytes(b"\x89HDF\r\n\x1a\n\x1b[31m")
    done = run("check", "net.safetensors", "--dataset", "digits")
    assert done.exit_code == 1, done.output
    for part in ("refused", "HDF5", "fix: ", "from_keras", "docs/submitting.md#file-type"):
        assert part in done.output
    assert "\x1b[31m" not in done.output


def test_bad_options_are_no_verdict(run):
    for words in (["--dataset", "digit"], ["--dataset", "digits", "--mean", "x"], []):
        done = run("check", "net.safetensors", *words)
        assert done.exception is not None
        assert done.exit_code == 1  # the command line turns the error into 2
        assert "InputError" in type(done.exception).__name__


def test_a_good_model_is_acceptable_in_json(run, tmp_path, weights):
    save_file({k: v.contiguous() for k, v in moved(weights).items()}, tmp_path / "net.safetensors")
    (tmp_path / "submission.toml").write_text(
        f'name = "mine"\ndataset = "digits"\narchitecture = "mlp"\nmean = [{CARD.mean[0]}]\n'
        f"std = [{CARD.std[0]}]\n[claims]\nclean_accuracy = 0.95\n"
    )
    done = run("check", "net.safetensors", "--description", "submission.toml", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["findings"] == []
    assert found["facts"]["clean_accuracy"]["n"] == 500
    assert len(found["made"]) == 35


def test_checks_that_reach_a_limit_are_a_refusal(tmp_path, weights):
    from dataclasses import replace

    from leaderboard.submissions.checking import LIMITS, verdict_on
    from leaderboard.submissions.description import Description

    save_file(weights, tmp_path / "net.safetensors")
    said = Description(name="mine", dataset="digits", architecture="mlp")
    limits = replace(LIMITS, seconds=0.2)
    verdict = verdict_on(tmp_path / "net.safetensors", said, limits=limits)
    (found,) = verdict.findings
    assert (found.id, found.severity) == ("checks-not-finished", "refused")
    assert "s" in found.saw
