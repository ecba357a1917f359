"""``nonsingular.toml`` and ``[tool.nonsingular]``: defaults for options."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.commands.config_file import VARIABLE, find_config
from models_zoo.errors import InputError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The current folder of a command that looks for a file."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [*map(str, words)], catch_exceptions=False)


def datasets(*words):
    return {each["dataset"] for each in json.loads(run("models", "list", "--json", *words).stdout)}


def test_a_table_gives_the_defaults_of_its_command_and_the_command_line_counts_more(folder):
    assert len(datasets()) > 2
    (folder / "nonsingular.toml").write_text('[models.list]\ndataset = "mnist"\n')
    assert datasets() == {"mnist"}
    assert datasets("--dataset", "digits") == {"digits"}


def test_the_command_line_counts_more_than_the_other_of_two_options_in_the_file(folder):
    (folder / "nonsingular.toml").write_text("quiet = true\n")
    assert "defaults from" in run("models", "--verbose").stderr
    (folder / "nonsingular.toml").write_text("verbose = true\n")
    assert run("models", "-q").stderr == ""
    (folder / "nonsingular.toml").write_text("verbose = true\nquiet = true\n")
    with pytest.raises(InputError, match="not both"):
        run("models")


def test_another_name_of_an_option_in_a_table_counts_more_than_the_top(folder):
    (folder / "nonsingular.toml").write_text("examples = 9\n[bench]\nlimit = 7\n")
    words = ("bench", "digits/mlp-standard", "--probe", "clean", "--no-site", "-v")
    assert "7 examples" in run(*words).stderr


def test_a_table_counts_more_than_the_top_and_the_top_holds_for_all(folder):
    (folder / "nonsingular.toml").write_text(
        'dataset = "digits"\n[models.list]\ndataset = "mnist"\n'
    )
    assert datasets() == {"mnist"}
    listed = json.loads(run("batteries", "list", "--json").stdout)
    assert {each["dataset"] for each in listed} == {"digits"}


def test_the_project_file_counts_where_there_is_no_other(folder):
    (folder / "pyproject.toml").write_text('[tool.ruff]\n[tool.nonsingular]\ndataset = "mnist"\n')
    assert datasets() == {"mnist"}
    (folder / "nonsingular.toml").write_text("")
    assert len(datasets()) > 2
    (folder / "nonsingular.toml").unlink()
    (folder / "pyproject.toml").write_text("[tool.ruff]\n")
    assert len(datasets()) > 2


def test_an_option_and_a_variable_name_another_file(folder, monkeypatch):
    (folder / "nonsingular.toml").write_text('dataset = "mnist"\n')
    (folder / "other.toml").write_text('dataset = "digits"\n')
    assert datasets("--config", "other.toml") == {"digits"}
    monkeypatch.setenv(VARIABLE, str(folder / "other.toml"))
    assert datasets() == {"digits"}
    monkeypatch.setenv(VARIABLE, "")
    assert len(datasets()) > 2
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InputError, match=r"missing\.toml"):
        run("models", "--config", "missing.toml")


def test_parent_folders_are_not_searched(folder, monkeypatch):
    (folder / "nonsingular.toml").write_text('dataset = "mnist"\n')
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    assert len(datasets()) > 2


def test_paths_are_relative_to_the_file(folder, made_up):
    from leaderboard.store import Store

    (folder / "below").mkdir()
    made_up.fill(Store.open(folder / "below" / "scores.sqlite"))
    (folder / "below" / "nonsingular.toml").write_text(
        'database = "scores.sqlite"\n[export]\nout = "record.json"\n'
    )
    found = run("export", "digits/cnn-pgd-at", "--config", "below/nonsingular.toml")
    assert found.exit_code == 0
    assert json.loads((folder / "below" / "record.json").read_text())["fingerprint"]


def test_what_is_read_is_said_where_asked(folder):
    (folder / "nonsingular.toml").write_text('dataset = "mnist"\nseed = 3\n')
    assert run("models").stderr == ""
    assert "defaults from nonsingular.toml: dataset = 'mnist'\n" in run("models", "-v").stderr
    (folder / "nonsingular.toml").write_text('verbose = true\ndataset = "mnist"\n')
    assert "defaults from nonsingular.toml" in run("models").stderr


WRONG = {
    "unknown option": ("sed = 3", "unknown option 'sed'; did you mean 'seed'"),
    "unknown command": ("[bnch]\nseed = 3", "unknown command 'bnch'; did you mean 'bench'"),
    "option of another command": ("[bench]\nrecipe = 'x'", r"unknown option in \[bench\] 'recipe'"),
    "below a command": ("[bench.seed]\nx = 1", "unknown command in"),
    "server": ("[submit]\nserver = 'https://x'", "on the command line only: it gets a token"),
    "token": ("[submit]\ntoken = 'nst_x'", "on the command line only: it is a secret"),
    "isolation": ("[serve]\nallow-unsandboxed = true", "on the command line only: it lets files"),
    "trust": ("[bench]\ntrust = true", "can be given on the command line only: it allows"),
    "config": ("config = 'x'", "can be given on the command line only"),
    "another type": ("seed = 'three'", "seed = 'three' must be a whole number"),
    "a flag": ("[bench]\nfresh = 1", "must be true or false"),
    "no flag": ("seed = true", "must be a whole number"),
    "a list": ("database = ['a', 'b']", "must be one value: --database is not repeatable"),
    "a date": ("database = 1979-05-27", "must be a text"),
    "too small": ("[bench]\njobs = 0", "jobs = 0 must be at least 1"),
    "a choice": ("[export]\nformat = 'pdf'", "unknown value 'pdf'"),
    "twice": ("[bench]\nlimit = 3\nexamples = 4", "limit and examples are the same option"),
    "two spellings": ("data_root = 'a'\ndata-root = 'b'", "data_root and data-root are the same"),
    "not TOML": ("seed = ", "is not TOML"),
    "nested": ("a = " + "[" * 5_000, "is not TOML"),
}


@pytest.mark.parametrize(("content", "reason"), WRONG.values(), ids=WRONG)
def test_a_mistake_anywhere_in_the_file_is_one_line(folder, content, reason):
    (folder / "nonsingular.toml").write_text(content)
    with pytest.raises(InputError, match=reason) as caught:
        run("models")
    assert "nonsingular.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_large_file_is_not_read(folder):
    (folder / "nonsingular.toml").write_text("#" * (1 << 20) + "\n")
    with pytest.raises(InputError, match="configuration file"):
        find_config()


def test_the_tests_read_no_file_of_the_developer(monkeypatch, folder):
    (folder / "nonsingular.toml").write_text("sed = 3")
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    assert find_config() is None
