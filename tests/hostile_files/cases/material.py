"""What cases are made of: a sound model, a database with scores, a rerun, a graph, a program."""

from __future__ import annotations

import io
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing, redirect_stderr, redirect_stdout
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from tests.hostile_files.archives import jpeg, member, packed
from tests.hostile_files.case import Arguments, Builder

MODEL = "digits/mlp-standard"
BUNDLED = Path(str(files("models_zoo"))) / "checkpoints" / f"{MODEL}.safetensors"
CLEAN = ("--probe", "clean", "--examples", "20")
ONE = ("bench", MODEL, *CLEAN, "--no-site")

Command = Callable[[object], Arguments]


def bench(file: object, *options: object, architecture: str = "mlp") -> Arguments:
    where = ("--checkpoint", file, *(("--architecture", architecture) if architecture else ()))
    return ("bench", *where, "--battery", "digits-v1", *CLEAN, "--no-site", *options)


def submit(file: object, *options: object, name: str = "mine", architecture: str = "mlp"):
    how = ("--architecture", architecture) if architecture else ()
    return ("submit", file, f"--name={name}", "--dataset", "digits", *how, *CLEAN, *options)


def show(file: object) -> Arguments:
    return ("models", "show", f"file:{file}?architecture=mlp&dataset=digits&shape=1x8x8")


def by_name(file: object) -> Arguments:
    return ("bench", f"file:{file}?architecture=mlp&dataset=digits&shape=1x8x8", *ONE[2:])


def landscape(file: object) -> Arguments:
    how = ("--directions", 1, "--points", 3, "--decisions", 0, "--steps", 1, "--examples", 10)
    return ("landscape", "--checkpoint", file, "--dataset", "digits", "--architecture", "mlp", *how)


def compare(file: object) -> Arguments:
    how = ("--dataset", "digits", "--architecture", "mlp", "--examples", 10)
    return ("compare-autoattack", "--checkpoint", file, *how)


def train(*options: object) -> Arguments:
    how = ("--dataset", "digits", "--architecture", "mlp", "--out", "own.safetensors")
    return ("train", "standard", *how, "--epochs", 1, *options)


def plain(*arguments: object) -> Builder:
    """A case that needs no file."""
    return lambda _folder: arguments


def with_file(name: str, content: Callable[[Path], object], command: Command) -> Builder:
    """A case of one file, which a builder writes."""

    def build(folder: Path) -> Arguments:
        content(folder / name)
        return command(name)

    return build


@cache
def weights() -> dict[str, torch.Tensor]:
    return load_file(BUNDLED)


@cache
def images(count: int = 20, kind: str = "x") -> bytes:
    """An archive of random digits, stored as numbers or as JPEG files."""
    labels = np.arange(count) % 10
    if kind == "x":
        drawn = np.random.default_rng(0).integers(0, 256, (count, 1, 8, 8), dtype=np.uint8)
        return packed(x=member(drawn), y=member(labels))
    coded = [jpeg((8, 8))] * count
    offsets = np.cumsum([0, *map(len, coded)])
    parts = {"jpeg": np.frombuffer(b"".join(coded), np.uint8), "offsets": offsets, "y": labels}
    coded_parts: dict[str, Any] = {name: member(array) for name, array in parts.items()}
    return packed(**coded_parts)


@cache
def saved(legacy: bool = False, **beside: object) -> bytes:
    buffer = io.BytesIO()
    content = {"state_dict": dict(weights())} | beside
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


@cache
def database() -> bytes:
    """One true result, and made-up ones of four more models."""
    return _made()[0]


@cache
def rerun() -> bytes:
    """What ``reproduce --json`` writes of the true result."""
    return _made()[1]


@cache
def _made() -> tuple[bytes, bytes]:
    # Imported for the cases, which are forked from this process. No chart is drawn in it: the
    # renderer's threads are not in a fork, which would wait for them for ever.
    import leaderboard.findings
    import leaderboard.pages  # noqa: F401
    from leaderboard.cli import run
    from leaderboard.store import Store
    from tests.leaderboard import conftest as made_up

    folder = Path(tempfile.mkdtemp())
    path = folder / "scores.sqlite"
    where = ("--database", str(path))
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as told:
        assert run([*ONE, *where]) == 0, told.getvalue()
        store = Store.open(path)
        zoo = [(f"made-up/{name}", recipe, drop) for name, recipe, drop in made_up.ZOO]
        made_up.fill(store, zoo)
        store.engine.dispose()
        again = ("reproduce", MODEL, "--json", str(folder / "rerun.json"), *where)
        assert run(again) == 0, told.getvalue()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("vacuum into ?", (str(folder / "whole.sqlite"),))
    try:
        return (folder / "whole.sqlite").read_bytes(), (folder / "rerun.json").read_bytes()
    finally:
        shutil.rmtree(folder)
