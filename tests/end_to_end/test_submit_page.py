"""The commands that the submit page prints work as they stand, in order, in an empty folder."""

import re
import shlex
import sqlite3
from contextlib import closing
from html import unescape

import pytest
import typer

from benchmark.batteries import battery_for, list_batteries, load_battery
from leaderboard.cli import app
from leaderboard.pages.environment import render_page
from leaderboard.pages.submit import submit_values
from models_zoo import list_architectures
from models_zoo.image_sets import IMAGE_SETS


@pytest.fixture(scope="module")
def page():
    return render_page("submit.html.j2", "", **submit_values())


def code(page, kind=r"[^>]*"):
    return [unescape(text) for text in re.findall(rf"<pre {kind}><code>(.*?)</code>", page, re.S)]


def commands(blocks):
    """The words of each printed command, as a shell reads them."""
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [shlex.split(line) for line in joined.split("\n")]


def test_the_worked_example_ends_on_the_board(page, here, tmp_path):
    blocks = code(page, 'class="run" [^>]*')
    assert len(blocks) == 3
    for program, *words in commands(blocks):
        assert program == "nonsingular"
        status, _, error = here(*words)
        assert status == 0, (words, error)
    with closing(sqlite3.connect(tmp_path / "nonsingular.sqlite")) as connection:
        rows = connection.execute("SELECT model, submitted, probe, examples FROM leaderboard")
        assert set(rows) == {("my-model", 1, "clean", 20)}
    board = (tmp_path / "site" / "index.html").read_text("utf-8")
    assert "my-model</a>" in board
    assert (tmp_path / "trial.sqlite").is_file()


def test_every_option_that_is_printed_exists(page):
    known = {
        name: {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        }
        for name, command in getattr(typer.main.get_command(app), "commands").items()  # noqa: B009
    }
    printed = commands(code(page))
    assert len(printed) >= 7
    for program, command, *words in printed:
        assert program == "nonsingular"
        assert {word for word in words if word.startswith("--")} <= known[command]


def test_each_data_set_with_the_battery_that_submit_uses_and_every_architecture_are_named(page):
    rows = re.findall(r'<tr><th scope="row"><code>([^<]*)</code></th><td>([^<]*-v\d+)</td>', page)
    datasets = {load_battery(name).dataset for name in list_batteries()} & set(IMAGE_SETS)
    assert sorted(rows) == sorted((each, battery_for(each).name) for each in datasets)
    assert all(f"<code>{name}</code>" in page for name in list_architectures())


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".pt2"])
def test_what_the_page_says_is_refused_is_refused(page, here, tmp_path, suffix):
    (row,) = re.findall(rf'<tr><th scope="row"><code>{re.escape(suffix)}</code>.*?</tr>', page)
    assert "<td>refused</td>" in row
    (tmp_path / f"net{suffix}").write_bytes(b"\x80\x04x.")
    named = ("--name", "x", "--dataset", "digits", "--architecture", "mlp")
    status, _, error = here("submit", f"net{suffix}", *named)
    assert status == 2
    assert "refused" in error


@pytest.mark.parametrize("option", ["--name", "--notes", "--recipe", "--licence"])
@pytest.mark.parametrize(
    ("text", "reason"),
    [("caf\udce9", "UTF-8"), ("W" * 10_000, "10,000 characters"), ("a\u202eb", "do not print")],
)
def test_what_is_not_a_text_for_a_page_is_refused_by_its_option(here, option, text, reason):
    named = {"--name": "mine", "--dataset": "digits"} | {option: text}
    words = [word for pair in named.items() for word in pair]
    status, _, error = here("submit", "net.safetensors", *words)
    assert status == 2
    assert error.startswith(f"error: {option} ")
    assert reason in error
    assert len(error) < 200
