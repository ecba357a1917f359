"""Where results go: found wanting before anything is computed, and left clean afterwards."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from leaderboard.cli import run
from leaderboard.output_paths import require_file_place, require_folder_place
from leaderboard.pages.publish import replacing, require_site_place
from leaderboard.submissions.workspace import WORKSPACE, kept_file, workspace_of
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("mine")
    (tmp_path / "loop").symlink_to("loop")
    return tmp_path


def everything(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


FILES = ["folder", "file/x.json", "none/x.json", "loop/x.json", "x" * 300, "none/" + "x" * 300]
FOLDERS = ["file", "file/site", "file/a/b", "x" * 300, "a/" + "x" * 300, "loop/site"]
TAKEN = ["x.json", "file", "folder/x.json", "x" * 250, "b\udcff.json", "[v2].json"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_written_is_refused_in_one_line(here, name):
    before = everything(here)
    with pytest.raises(InputError, match="cannot write") as refused:
        require_file_place(Path(name), "--json")
    assert len(str(refused.value).splitlines()) == 1
    assert "--json" in str(refused.value)
    assert everything(here) == before


@pytest.mark.parametrize("name", TAKEN)
def test_a_file_that_can_be_written_is_taken_and_not_made(here, name):
    before = everything(here)
    require_file_place(Path(name), "--json")
    assert everything(here) == before
    write_bytes(Path(name), b"content")
    assert Path(name).read_bytes() == b"content"


@pytest.mark.parametrize("check", [require_folder_place, require_site_place])
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_cannot_be_made_is_refused_in_one_line(here, name, check):
    before = everything(here)
    with pytest.raises(InputError, match="cannot write") as refused:
        check(Path(name))
    assert len(str(refused.value).splitlines()) == 1
    assert everything(here) == before


@pytest.mark.parametrize("name", ["site", "a/b/site", "b\udcff/site", ".", "folder/site"])
def test_a_folder_that_can_be_made_is_taken_and_not_made(here, name):
    before = everything(here)
    require_folder_place(Path(name))
    assert everything(here) == before


MODEL = "digits/mlp-standard"
TRAIN = ["train", "standard", "--dataset", "digits", "--architecture", "mlp", "--out"]
COMMANDS = [
    ["bench", MODEL, "--json", "folder"],
    ["bench", MODEL, "--json", "file/x.json"],
    ["bench", MODEL, "--out", "file"],
    ["bench", MODEL, "--out", "folder"],
    ["bench", MODEL, "--out", "x" * 300],
    ["bench", MODEL, "--database", "x" * 300],
    ["bench", MODEL, "--data", "x" * 300],
    ["bench", MODEL, "--data", "folder"],
    ["bench", "--checkpoint", "x" * 300, "--architecture", "mlp", "--battery", "digits-v1"],
    ["bench", "--checkpoint", "folder", "--architecture", "mlp", "--battery", "digits-v1"],
    ["bench", MODEL, "--device", "meta"],
    ["bench", MODEL, "--device", "cuda:99"],
    ["bench", MODEL, "--device", ""],
    ["bench", MODEL, "--device", "cpu:x"],
    ["site", "--out", "file"],
    ["findings", "--out", "file"],
    ["export", MODEL, "--out", "folder"],
    ["reproduce", MODEL, "--json", "folder"],
    ["landscape", MODEL, "--out", "file"],
    ["compare-autoattack", MODEL, "--json", "folder"],
    [*TRAIN, "file/x.safetensors"],
    [*TRAIN, "x" * 300 + ".safetensors"],
    ["submit", "none.safetensors", "--name", "-rf", "--dataset", "digits"],
    ["submit", "none.safetensors", "--name", "mine", "--dataset", "digits", "--out", "folder"],
    ["record-rerun", "x" * 300, "--by", "me"],
    ["models", "show", "x" * 5000],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words)[:60])
def test_commands_refuse_in_one_line_before_anything_is_computed(
    here, command, capsys, monkeypatch
):
    from benchmark.session import Session

    def fail(*_args, **_named):
        raise AssertionError("something was computed")

    monkeypatch.setattr(Session, "run", fail)
    before = everything(here)
    assert run(command) == 2
    printed = capsys.readouterr().err
    assert len([line for line in printed.splitlines() if line.startswith("error: ")]) == 1
    assert "Traceback" not in printed
    assert everything(here) == before


def test_a_killed_renderer_is_cleaned_up_after_and_a_living_one_is_not(tmp_path):
    out = tmp_path / "si[t]e"
    killed = tmp_path / ".si[t]e.abc.rendering"
    (killed / "new").mkdir(parents=True)
    (killed / "held").touch()
    os.utime(killed, (0, time.time() - 60))
    with replacing(out) as first:
        assert not killed.exists()
        (first / "index.html").write_text('<meta name="generator" content="nonsingular 1">')
        with replacing(out) as second:
            assert first.exists()
            (second / "index.html").write_text('<meta name="generator" content="nonsingular 2">')
        assert first.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["si[t]e"]


@pytest.mark.parametrize(
    ("database", "folder"),
    [
        ("nonsingular.sqlite", "."),
        ("a/b.sqlite", "a"),
        ("/x/b.sqlite", "/x"),
        ("sqlite:////x/b.sqlite", "/x"),
        ("sqlite:///a/b.sqlite", "a"),
        (Path("a/b.sqlite"), "a"),
        (":memory:", "."),
        ("sqlite://", "."),
        ("sqlite:///file:b?mode=ro&uri=true", "."),
        ("postgresql+psycopg://user@host/name", "."),
    ],
)
def test_submissions_are_kept_beside_the_database(database, folder):
    assert workspace_of(database) == Path(folder) / WORKSPACE


def test_a_checkpoint_kept_by_an_earlier_version_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old = tmp_path / WORKSPACE / "checkpoints" / ("a" * 64)
    new = tmp_path / "store" / WORKSPACE / "checkpoints" / ("b" * 64)
    for file in (old, new):
        file.parent.mkdir(parents=True)
        file.touch()
    beside = workspace_of("store/scores.sqlite")
    assert kept_file("a" * 64, beside) == WORKSPACE / "checkpoints" / ("a" * 64)
    assert kept_file("b" * 64, beside) is not None
    assert kept_file("b" * 64) is None


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o027, 0o000])
def test_files_have_the_rights_the_user_gives_to_new_ones(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_bytes(tmp_path / "x", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o666 & ~mask
