"""``nonsingular bench`` with training methods: patterns, batteries and what is refused."""

from pathlib import Path

import pytest

from leaderboard.cli import run
from leaderboard.jobs.request import Request, load_request
from models_zoo.errors import InputError
from models_zoo.methods import METHODS, list_methods

PYOD = "the package pyod; run pip install 'nonsingular[pyod]'"

BATTERY = """
name = "quick-methods"
dataset = "digits"
description = "Little effort."
default = ["anomaly"]
[probes.anomaly]
pairs = [[0, 2]]
contaminations = [0.0, 0.1]
collapse_at = 0.1
seeds = 2
normals = 30
hidden = 8
epochs = 4
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def installed(monkeypatch):
    """Says of which packages ``find_spec`` is to say that they are installed."""

    def install(*packages):
        found = {each: object() for each in packages}
        monkeypatch.setattr("models_zoo.sources.installed.find_spec", found.get)

    return install


def names(*patterns, battery=None):
    return [source.name for source in load_request(Request(patterns, battery)).sources]


def test_patterns_mean_models_or_methods_by_the_battery(capsys, installed):
    installed("pyod")
    assert names(battery="digits-anomaly-v1") == list_methods("digits/*")
    found = names("digits/*-ae*", battery="digits-anomaly-v1")
    assert found == list_methods("digits/anomaly-ae*")
    assert names("digits/anomaly-*") == list_methods("digits/*")
    assert not set(names("digits/*")) & set(list_methods())
    capsys.readouterr()
    assert not set(names("digits/*", battery="digits-v1")) & set(list_methods())
    said = " ".join(capsys.readouterr().err.split())
    assert "training methods, so not scored with digits-v1: digits/anomaly-aae," in said


@pytest.mark.parametrize(
    ("patterns", "battery", "reason"),
    [
        (["digits/mlp-*"], "digits-anomaly-v1", "are trained models, and battery"),
        (["digits/anomaly-*"], "digits-v1", "are training methods, and battery 'digits-v1' is not"),
        (["digits/anomaly-ae", "digits/mlp-standard"], None, "cannot be scored with models"),
        (["fashion-mnist/anomaly-ae"], None, "no bundled battery is for training methods on fash"),
    ],
)
def test_what_does_not_go_together_is_refused(patterns, battery, reason):
    with pytest.raises(InputError, match=reason):
        names(*patterns, battery=battery)


def test_a_method_is_scored_stored_and_planned_like_a_model(capsys):
    Path("quick.toml").write_text(BATTERY)
    command = ["digits/anomaly-ae", "--battery", "quick.toml"]
    assert run(["plan", *command, "--database", "s.db"]) == 0
    assert "anomaly" in capsys.readouterr().out
    assert run(["bench", *command, "--no-site", "--database", "s.db", "--workers", "1"]) == 0
    assert "Collapse" in capsys.readouterr().out
    assert run(["bench", *command, "--no-site", "--database", "s.db", "--workers", "1"]) == 0
    assert run(["bench", "digits/mlp-standard", "--battery", "quick.toml", "--no-site"]) == 2
    assert "takes training methods and not trained models" in capsys.readouterr().err


def test_methods_whose_package_is_missing_are_left_out_unless_they_are_named(capsys, installed):
    installed()
    needing = [name for name in list_methods("digits/*") if METHODS[name[7:]].package]
    assert needing == ["digits/anomaly-ecod", "digits/anomaly-knn"]
    rest = [name for name in list_methods("digits/*") if name not in needing]
    for asked in ([], ["digits/anomaly-*"]):
        assert names(*asked, battery="digits-anomaly-v1") == rest
        said = " ".join(capsys.readouterr().err.split())
        assert all(f"not scored: {name} needs {PYOD}" in said for name in needing)
    for named in ("digits/anomaly-ecod", "digits/anomaly-[ek]*"):
        command = ["bench", named, "--battery", "digits-anomaly-v1", "--database", "s.db"]
        assert run(command) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert f"training method 'digits/anomaly-ecod' needs {PYOD}" in said
        assert "Traceback" not in said
    assert not Path("s.db").exists()


def test_the_models_command_lists_methods(capsys, installed):
    installed()
    assert run(["models", "digits/anomaly-*"]) == 0
    assert capsys.readouterr().out.count("digits/anomaly-") == len(METHODS)
