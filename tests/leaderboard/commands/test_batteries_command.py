"""``nonsingular batteries``: list, show, diff and new."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from benchmark import list_batteries, load_battery
from benchmark.batteries import read_battery
from leaderboard.cli import app
from models_zoo.errors import InputError


def run(*words):
    found = CliRunner().invoke(app, ["batteries", *map(str, words)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


def test_all_are_listed_with_their_hashes():
    printed = run()
    assert printed == run("list")
    for name in list_batteries():
        assert name in printed
        assert load_battery(name).sha256[:12] in printed
    only = json.loads(run("list", "--dataset", "digits", "--json"))
    assert {each["dataset"] for each in only} == {"digits"}
    assert all(each["bundled"] for each in only)
    with pytest.raises(InputError, match="did you mean 'digits'"):
        run("list", "--dataset", "digit")


def test_a_battery_is_shown_with_every_setting():
    battery = load_battery("digits-v1")
    printed = run("show", "digits-v1")
    assert battery.sha256 in printed
    for probe, settings in battery.model_dump()["probes"].items():
        assert all(f"\n{probe}.{name} " in printed for name in settings)
    shown = json.loads(run("show", "digits-v1", "--json"))
    assert shown["content"] == battery.model_dump(mode="json")
    assert shown["default"] == list(battery.default)


def test_a_misspelled_command_is_no_argument_of_the_list():
    found = CliRunner().invoke(app, ["batteries", "dif", "digits-v1", "mnist-linf-v1"])
    assert found.exit_code == 2
    assert "No such command 'dif'. Did you mean 'diff'?" in found.output


def test_the_list_fits_the_terminal_and_is_whole_elsewhere(monkeypatch):
    assert "joint: linf 0.2 and relative-l2 radius 0.01  " in run()
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, run("list").splitlines()[1:])) <= 80  # the heads are bold


def test_a_new_one_is_a_copy_under_its_own_name_and_diff_says_what_was_changed(tmp_path):
    file = tmp_path / "mine.toml"
    assert str(file) in run("new", file, "--from", "cifar10-linf-v1")
    own, base = read_battery(file), load_battery("cifar10-linf-v1")
    assert own.name == "mine"
    assert own.probes == base.probes
    assert "own" not in json.loads(run("show", file, "--json"))["name"]
    assert json.loads(run("diff", file, "cifar10-linf-v1", "--json")) == [
        {"setting": "name", "first": "mine", "second": "cifar10-linf-v1"}
    ]
    file.write_text(file.read_text().replace("headline = 0.005", "headline = 0.01", 1))
    assert "weight.headline" in run("diff", "cifar10-linf-v1", file)
    wide = run("diff", "digits-v1", "mnist-linf-v1").splitlines()
    assert max(map(len, wide)) <= 80
    assert "mnist/cnn-trades" in "".join(wide)
    assert run("diff", "digits-v1", "digits-v1") == "the same content\n"
    another = tmp_path / "another.toml"
    run("new", another, "--name", "x-v2", "--from", file)
    assert read_battery(another).name == "x-v2"


def test_nothing_is_overwritten_and_names_of_the_suite_are_not_given(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("kept")
    with pytest.raises(InputError, match="exists"):
        run("new", file)
    assert file.read_text() == "kept"
    for words, reason in (
        ((tmp_path / "digits-v3.toml",), "reserved"),
        ((tmp_path / "x.toml", "--name", "digits-v1"), "reserved"),
        ((tmp_path / "x.json",), "ends in .toml"),
        ((tmp_path / "no" / "x.toml",), "folder does not exist"),
    ):
        with pytest.raises(InputError, match=reason):
            run("new", *words)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.toml"]
