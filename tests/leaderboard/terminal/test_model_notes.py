"""What a file's names and notes look like on the terminal."""

from pathlib import Path

import pytest
from safetensors.torch import save
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.terminal.model_notes import print_notes
from models_zoo import load_model


def test_notes_of_a_model_are_printed_on_stderr_a_line_each(capsys):
    model = load_model("digits/mlp-standard")
    assert model.notes == ()
    print_notes(model)
    assert capsys.readouterr().err == ""
    model.notes = ("took 'ema'", "evil\x1b[2J\nline")
    assert print_notes(model) is model
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "note: 'digits/mlp-standard': took 'ema'",
        "note: 'digits/mlp-standard': evil\\x1b[2J\\nline",
    ]


NAMES = (
    "[v2]",
    "[bold]net[bold]",
    "[red]",
    "[link=file:x]a",
    "a\x1b[31mb",
    "a\nb",
    "a\u202eb",
    "a\udcff",
    "netz größe",
    "x" * 220,
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files_are_printed_as_they_are_or_escaped(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    content = save(dict(load_model("digits/mlp-standard").network.state_dict()))
    Path(f"{name}.safetensors").write_bytes(content)
    command = ["bench", "--checkpoint", f"{name}.safetensors", "--architecture", "mlp"]
    command += ["--battery", "digits-v1", "--probe", "clean", "--examples", "20", "--no-site"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    printed = done.stdout + done.stderr
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    if name.isprintable() and len(name) < 80:
        assert name in done.stdout
        assert f"{name}: Clean took" in done.stderr
