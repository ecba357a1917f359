"""What is printed: on any terminal, of any name, into any pipe; and how commands end."""

from __future__ import annotations

import ast
import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from leaderboard import cli
from leaderboard.cli import INTERRUPTED, app, run
from leaderboard.terminal.output import console, prepare_streams, say
from leaderboard.terminal.warnings import print_warning
from models_zoo import list_models
from models_zoo.errors import InputError

ENCODINGS = [
    "ascii",
    "cp437",
    "cp1252",
    "latin-1",
    "koi8-r",
    "cp932",
    "utf-8",
    "utf-16",
    "iso8859-7",
]
NAMES = [
    "[v2]",
    "[/red]",
    "[bold red]x[/]",
    "[link=https://example.org]x[/link]",
    ":smile:",
    "\\[x]",
    "[",
    "]]",
    "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{BELL}",
    "\N{HORIZONTAL ELLIPSIS}\N{EN DASH}\N{MINUS SIGN}\N{BOX DRAWINGS LIGHT HORIZONTAL}",
    "half \ud800",
    "\u6f22\u5b57" * 30,
    "W" * 300,
]


@pytest.fixture
def output(monkeypatch) -> Callable[..., io.BytesIO]:
    """``output("cp437")``: stdout and stderr with that encoding, as bytes."""

    def redirect(encoding: str) -> io.BytesIO:
        raw = io.BytesIO()
        for name in ("stdout", "stderr"):
            monkeypatch.setattr(sys, name, io.TextIOWrapper(raw, encoding, write_through=True))
        prepare_streams()
        return raw

    return redirect


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gets_every_text(output, encoding, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    raw = output(encoding)
    assert run(["models"]) == 0
    assert run(["models", "show", "digits/mlp-standard"]) == 0
    assert run(["models", "show", "digits/\N{HORIZONTAL ELLIPSIS}[v2]\ud800"]) == 2
    assert run(["models", "--nonsense"]) == 2
    assert run(["bench", "--help"]) == 0
    for name in NAMES:
        say(name)
        print_warning(name)
        console().print(name)
    text = raw.getvalue().decode(encoding)
    assert "digits/mlp-standard" in text
    assert "Traceback" not in text
    assert "[v2]" in text
    if encoding == "ascii":
        assert "~---" in text


@pytest.mark.parametrize("name", NAMES[:8])
def test_a_name_is_no_markup(output, name):
    raw = output("utf-8")
    console().print(name)
    console(soft_wrap=True).print(f"error: {name}", style="red")
    from leaderboard.commands.models import _table
    from leaderboard.terminal.output import print_full_width
    from models_zoo import load_card

    card = load_card("digits/mlp-standard").model_copy(update={"name": name, "licence": name})
    print_full_width(_table([card]))
    lines = raw.getvalue().decode().splitlines()
    assert lines[0] == name
    assert lines[1] == f"error: {name}"
    assert lines[3].count(name) == 2


def test_a_narrow_terminal_does_not_cut_names(output, monkeypatch):
    for width in ("40", "10", "1"):
        monkeypatch.setenv("COLUMNS", width)
        raw = output("utf-8")
        assert run(["models"]) == 0
        text = raw.getvalue().decode()
        assert all(f"{name} " in text for name in list_models())


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colors_can_be_turned_off(setting, output, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    raw = output("utf-8")
    assert run(["models", "show", "nosuch"]) == 2
    assert b"\x1b[31m" not in raw.getvalue()
    assert b"error: unknown model" in raw.getvalue()


@pytest.mark.parametrize(
    "command",
    [["models"], ["models", "--json"], ["models", "show", "digits/mlp-standard"], ["--help"]],
)
def test_a_pipe_that_closes_early_stops_nothing(command, monkeypatch, capfd):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "__stdout__", stream)
        prepare_streams()
        assert run(command) == 0
        sys.stdout.flush()
    assert capfd.readouterr().err == ""


def test_a_stream_that_is_closed_from_the_start_stops_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    prepare_streams()
    assert run(["models"]) == 0
    sys.stdout.close()


def commands() -> list[str]:
    return [name_of(each) for each in app.registered_commands]


def name_of(command) -> str:
    return str(command.name or getattr(command.callback, "__name__", ""))


def raising(monkeypatch, name: str, error: BaseException) -> None:
    def fail() -> None:
        raise error

    for each in app.registered_commands:
        if name_of(each) == name:
            monkeypatch.setattr(each, "name", name)
            monkeypatch.setattr(each, "callback", fail)


@pytest.mark.parametrize("name", commands())
def test_every_command_says_how_to_resume_when_it_is_interrupted(name, monkeypatch, capsys):
    raising(monkeypatch, name, KeyboardInterrupt())
    assert run([name]) == 130
    assert capsys.readouterr().err.strip() == INTERRUPTED


ENDS = {
    "bad input": (InputError("x [v2] is wrong"), 2, "error: x [v2] is wrong"),
    "disk full": (OSError(errno.ENOSPC, "No space left on device"), 2, "the disk is full"),
    "disk full, with a name": (OSError(errno.ENOSPC, "No space left", "a.html"), 2, "a.html"),
    "quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), 2, "resume"),
    "no permission": (PermissionError(errno.EACCES, "Permission denied", "site"), 2, "site"),
    "a name in bytes": (OSError(errno.EIO, "Input/output error", b"a\xffb"), 2, "a\\udcffb"),
    "a nameless error": (OSError("odd"), 2, "odd"),
    "no memory": (MemoryError(), 2, "not enough memory"),
    "device memory": (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), 2, "out of memory"),
    "a check that failed": (typer.Exit(1), 1, ""),
    "an exit of its own": (SystemExit(3), 3, ""),
    "an end": (SystemExit(None), 0, ""),
    "a fault of ours": (RuntimeError("a bug"), 1, "please report it"),
}


@pytest.mark.parametrize(("error", "code", "words"), ENDS.values(), ids=ENDS)
def test_every_end_has_its_code_and_its_line(error, code, words, monkeypatch, capsys):
    raising(monkeypatch, "doctor", error)
    assert run(["doctor"]) == code
    printed = capsys.readouterr().err
    assert words in printed
    assert ("Traceback" in printed) == (words == "please report it")
    if code == 2:
        assert len(printed.splitlines()) == 1


WRONG = [
    "nosuch",
    "bench --jobs 0",
    "bench --jobs -1",
    "bench --jobs two",
    "bench --seed -1",
    f"bench --seed {2**63}",
    "bench --seed 1e3",
    "bench --json",
    "site --nonsense",
    "train",
    "export",
    "reproduce x --threads 0",
]


@pytest.mark.parametrize(
    "arguments",
    [line.split() for line in WRONG],
    ids=" ".join,
)
def test_wrong_options_have_code_2(arguments, capsys):
    assert run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_main_exits_with_the_code(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["nonsingular", "models", "show", "nosuch"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2


def test_everything_is_printed_through_one_module():
    """So that no name is markup, and no encoding stops a command."""
    root = Path(cli.__file__).parent
    found = []
    for path in root.rglob("*.py"):
        if path.parts[-2:] == ("terminal", "output.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            template = ast.unparse(node.args[0]) if node.args else ""
            named = "{task.fields" in template or "{task.description}" in template
            if name in ("Console", "typer.echo", "print", "typer.get_binary_stream"):
                found.append(f"{path.name}: {name}")
            if name == "TextColumn" and named and words.get("markup") != "False":
                found.append(f"{path.name}: {ast.unparse(node)}")
    assert found == []
