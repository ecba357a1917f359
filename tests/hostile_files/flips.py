"""Sound files of every format with random bits flipped, or cut: refused in a line, or harmless."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from tests.hostile_files.case import Arguments, Case
from tests.hostile_files.cases.material import (
    BUNDLED,
    CLEAN,
    MODEL,
    bench,
    database,
    images,
    rerun,
    saved,
    submit,
)


@cache
def graph() -> bytes:
    from tests.hostile_files.graph_texts import plain

    return bytes(plain().SerializeToString())


@cache
def card() -> bytes:
    return (BUNDLED.parents[2] / "catalog" / f"{MODEL}.toml").read_bytes()


@cache
def battery() -> bytes:
    import benchmark

    path = Path(str(benchmark.__file__)).parent / "batteries" / "digits-v1.toml"
    return path.read_bytes()


@cache
def plan() -> bytes:
    import models_zoo.training

    path = Path(str(models_zoo.training.__file__)).parent / "plans" / "digits.toml"
    return path.read_bytes()


def _in_place_of(module: str, file: str) -> Callable[[Sequence[str]], int]:
    """The command line, with a folder of the sandbox in place of one of the package."""

    def run(arguments) -> int:
        import importlib

        from leaderboard.cli import run

        package: Any = importlib.import_module(module)
        package.files = lambda _name: Path(file)  # in this process alone
        return run(arguments)

    return run


WITH_DATABASE = ("--database", "s.sqlite")
BENCH = ("bench", MODEL, "--probe", "clean", "--no-site", "--data", "a.npz")

FORMATS: dict[str, tuple[Callable[[], bytes], str, list[Arguments]]] = {
    "safetensors": (
        BUNDLED.read_bytes,
        "net.safetensors",
        [bench("net.safetensors"), bench("net.safetensors", architecture="")],
    ),
    "pt (zip)": (saved, "net.pt", [bench("net.pt"), submit("net.pt")]),
    "pt (legacy)": (lambda: saved(True, epoch=3, loss=0.5), "net.ckpt", [bench("net.ckpt")]),
    "onnx": (
        graph,
        "net.onnx",
        [bench("net.onnx", architecture=""), ("models", "show", "net.onnx")],
    ),
    "npz": (images, "a.npz", [BENCH]),
    "npz of JPEG files": (lambda: images(20, "jpeg"), "a.npz", [BENCH]),
    "database": (
        database,
        "s.sqlite",
        [
            ("export", MODEL, *WITH_DATABASE),
            ("findings", *WITH_DATABASE),
            ("export", "made-up/digits/cnn-pgd-at", "--format=badge", *WITH_DATABASE),
            ("bench", MODEL, *CLEAN, "--no-site", *WITH_DATABASE),
        ],
    ),
    "rerun": (rerun, "rerun.json", [("record-rerun", "rerun.json", "--by=Ada", *WITH_DATABASE)]),
    "card": (card, "catalog/digits/own.toml", [("models", "show", "digits/own"), ("models",)]),
    "battery": (
        battery,
        "batteries/own.toml",
        [("bench", MODEL, *CLEAN, "--no-site", "--battery=own")],
    ),
    "plan": (plan, "plan/plans/own.toml", [("zoo", "own", "--only=none")]),
}
"""Of each format sound bytes, the name of their file and the commands that read it, in turn."""

OWN = {
    "card": _in_place_of("models_zoo.catalog", "catalog"),
    "battery": _in_place_of("benchmark.batteries.battery", "batteries"),
    "plan": _in_place_of("models_zoo.training.plan", "plan"),
}


def flipped(count: int, seed: int = 0) -> list[Case]:
    """``count`` damaged files of every format."""
    return [case for name in FORMATS for case in _of(name, count, seed)]


def _of(name: str, count: int, seed: int) -> Iterator[Case]:
    _, _, commands = FORMATS[name]
    for place in range(count):
        build = _built(name, f"{name} {seed} {place}", commands[place % len(commands)])
        yield Case(
            f"flips: {name}", f"{place}", build, codes=(0, 1, 2), run=OWN.get(name)
        )  # fmt: skip


def _built(name: str, seed: str, arguments: Arguments):
    sound, file, _ = FORMATS[name]

    def build(folder: Path) -> Arguments:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        if name == "rerun":
            (folder / "s.sqlite").write_bytes(database())
        (folder / file).write_bytes(damaged(sound(), random.Random(seed)))  # noqa: S311
        return arguments

    return build


def damaged(content: bytes, draw: random.Random) -> bytes:
    """Bits flipped, mostly one and mostly anywhere; else bytes overwritten, or the end cut off."""
    changed = bytearray(content)
    kind = draw.random()
    if kind < 0.1:
        return content[: draw.randrange(len(content))]
    if kind < 0.2:
        start = draw.randrange(len(changed))
        changed[start : start + 40] = draw.randbytes(len(changed[start : start + 40]))
        return bytes(changed)
    reach = len(changed) if kind < 0.6 else min(len(changed), 4096)  # headers lie at the ends
    for _ in range(draw.choice([1, 1, 1, 4, 16])):
        place = draw.randrange(reach)
        place = place if draw.random() < 0.7 else len(changed) - 1 - place
        changed[place] ^= 1 << draw.randrange(8)
    return bytes(changed)
