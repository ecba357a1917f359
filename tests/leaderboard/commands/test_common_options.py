"""Options of every command, and of the program: --quiet, --verbose, --limit, --device auto."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from leaderboard import cli
from leaderboard.cli import app
from leaderboard.terminal.verbosity import Verbosity, choose_verbosity
from models_zoo.errors import InputError

BENCH = ("bench", "digits/mlp-standard", "--probe", "clean", "--no-site", "--jobs", "1")


@pytest.fixture(autouse=True)
def normal():
    yield
    choose_verbosity(Verbosity.NORMAL)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        found = CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)
        assert found.exit_code == 0, found.output
        return found

    return run


def test_the_version_is_that_of_the_package(run):
    assert run("--version").stdout == f"nonsingular {version('nonsingular')}\n"


def test_quiet_prints_the_results_alone_and_verbose_what_is_used(run):
    normal = run(*BENCH, "--examples", "8")
    assert "took" in normal.stderr
    quiet = run(*BENCH, "--examples", "8", "--fresh", "--quiet")
    assert quiet.stderr == ""
    assert quiet.stdout == normal.stdout
    verbose = run(*BENCH, "--examples", "8", "--fresh", "-v").stderr
    for part in ("battery digits-v1, SHA-256 ", "8 examples", "seed 0, device cpu", "took"):
        assert part in verbose
    assert "SHA-256" not in run(*BENCH, "--examples", "8").stderr


def test_quiet_hides_no_error(monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["nonsingular", "models", "show", "nothing/here", "-q"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    assert "error: " in capfd.readouterr().err


def test_quiet_and_verbose_exclude_each_other(run):
    with pytest.raises(InputError, match="not both"):
        run("models", "-q", "-v")


def test_limit_is_another_name_for_examples(run):
    by_limit = run(*BENCH, "--limit", "7", "--verbose")
    assert "7 examples" in by_limit.stderr


def test_the_batch_size_reaches_the_model(run, monkeypatch):
    from models_zoo.classifier import Classifier

    sizes = set()
    forward = Classifier.forward

    def watched(self, images):
        sizes.add(len(images))
        return forward(self, images)

    monkeypatch.setattr(Classifier, "forward", watched)
    run(*BENCH, "--limit", "8", "--batch-size", 3)
    assert sizes <= {1, 2, 3}  # one image where passes are timed
    assert 3 in sizes
    sizes.clear()
    run(*BENCH, "--limit", "8", "--fresh")
    assert 8 in sizes
    assert CliRunner().invoke(app, [*BENCH, "--batch-size", "0"]).exit_code == 2


def test_auto_is_the_gpu_if_there_is_one_and_the_device_is_stored(run, monkeypatch, tmp_path):
    import torch

    from benchmark.arguments import device_of

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of("auto") == torch.device("cpu")
    out = tmp_path / "report.json"
    found = run(*BENCH, "--limit", "4", "--device", "auto", "-v", "--json", out)
    assert "device: cpu" in found.stderr
    assert '"device": "cpu"' in out.read_text()
    tried = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", lambda *_, device: tried.append(device))
    assert device_of("auto") == torch.device("cuda")
    assert tried == [torch.device("cuda")]


COLOR = ("\x1b[3", "\x1b[9", "\x1b[1;3", "\x1b[2;3", "\x1b[38")
"""How sequences for colors begin; bold and dim are none."""


@pytest.mark.parametrize(
    "words",
    [
        ("bench", "--help"),
        ("bench", "nothing/here"),
        ("bench", "digits/mlp-standard", "--probe", "clean", "--limit", "4", "--no-site"),
    ],
    ids=" ".join,
)
def test_no_color_holds_everywhere(tmp_path, forks, words):
    printed = {}
    for name, more in {"colors": {}, "none": {"NO_COLOR": "1"}}.items():
        environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"}
        environment |= {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "120"} | more
        result = forks.run(*words, folder=tmp_path, environment=environment)
        printed[name] = result.stdout + result.stderr
    assert not [each for each in COLOR if each in printed["none"]]
    assert [each for each in COLOR if each in printed["colors"]]


def test_a_shell_can_complete_commands_and_options(tmp_path):
    def completed(words):
        environment = os.environ | {
            "_NONSINGULAR_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        return subprocess.run(
            [sys.executable, "-c", "from leaderboard.cli import main; main()"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()

    assert completed("nonsingular benc") == ["bench"]
    assert completed("nonsingular bench --batt") == ["--battery"]
