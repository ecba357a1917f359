"""Checkpoints, archives of images and ONNX graphs, each with one of the commands that read it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from tests.hostile_files import archives, checkpoints, graph_texts, graphs
from tests.hostile_files.case import Case
from tests.hostile_files.cases.material import (
    BUNDLED,
    MODEL,
    ONE,
    Command,
    bench,
    by_name,
    compare,
    images,
    landscape,
    submit,
    train,
    with_file,
)

CHECKPOINT: tuple[Command, ...] = (
    bench,
    submit,
    by_name,
    landscape,
    compare,
    lambda file: bench(file, architecture=""),
    lambda file: submit(file, architecture=""),
)
ARCHIVE: tuple[Command, ...] = (
    lambda file: ("bench", MODEL, "--probe", "clean", "--no-site", "--data", file),
    lambda file: train("--data", file),
    lambda file: train("--test-data", file),
    lambda file: ("landscape", MODEL, "--data", file),
    lambda file: submit(BUNDLED, "--data", file),
    lambda file: ("compare-autoattack", MODEL, "--data", file),
)
GRAPH: tuple[Command, ...] = (
    lambda file: bench(file, architecture=""),
    lambda file: submit(file, architecture=""),
    lambda file: ("models", "show", file),
    lambda file: ("bench", f"{file}?shape=1x8x8", "--battery", "digits-v1", *ONE[2:]),
)
SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".pth.tar")


def checkpoint_cases(every: bool) -> Iterator[Case]:
    suffixes = cycle(SUFFIXES)
    for place, (name, write) in enumerate(checkpoints.REFUSED.items()):
        file = f"net{'.safetensors' if name.startswith('safetensors') else next(suffixes)}"
        for number, command in _taken(CHECKPOINT, place, every):
            yield Case("checkpoints", f"{name} ({number})", with_file(file, write, command))


def archive_cases(every: bool) -> Iterator[Case]:
    for place, (name, write) in enumerate(archives.REFUSED.items()):
        for number, command in _taken(ARCHIVE, place, every):
            yield Case("image archives", f"{name} ({number})", with_file("a.npz", write, command))


def graph_cases(every: bool) -> Iterator[Case]:
    made = {name: (each, "") for name, each in graphs.LARGE.items()} | graphs.WRONG
    for place, (name, (model, reason)) in enumerate(made.items()):
        for number, command in _taken(GRAPH, place, every):
            if number == 2:  # of a graph, only its description is read
                continue
            build = with_file("net.onnx", checkpoints.content(model.SerializeToString()), command)
            yield Case("ONNX graphs", f"{name} ({number})", build, text=reason)
    free = {*graph_texts.texts(graph_texts.plain)} - graph_texts.FIXED
    for place, payload in enumerate(graph_texts.PAYLOADS):
        model = graph_texts.replaced(
            graph_texts.plain, {old: f"{old[:3]}{payload}" for old in free}
        )
        for number, command in _taken(GRAPH, place, every):
            build = with_file("net.onnx", checkpoints.content(model.SerializeToString()), command)
            yield Case("ONNX texts", f"{payload[:30]!r} ({number})", build, codes=(0, 2))


def _taken(commands: tuple[Command, ...], place: int, every: bool):
    numbers = range(len(commands)) if every else [place % len(commands)]
    return [(number, commands[number]) for number in numbers]


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _unreadable(path: Path) -> None:
    path.mkdir()
    path.chmod(0)


def _huge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(10 << 30)


NO_FILES: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "folder": lambda path: path.mkdir(),
    "FIFO": _fifo,
    "link to itself": _loop,
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link to a terminal": lambda path: path.symlink_to("/dev/tty"),
    "memory of the process": lambda path: path.symlink_to("/proc/self/mem"),
    "empty": lambda path: path.touch(),
    "10 GB of holes": _huge,
}
"""What lies where a file is expected."""

FILES: dict[str, tuple[str, Command]] = {
    "checkpoint": ("net.safetensors", bench),
    "pickled checkpoint": ("net.pt", bench),
    "submission": ("net.safetensors", submit),
    "graph": ("net.onnx", GRAPH[0]),
    "graph to show": ("net.onnx", GRAPH[2]),
    "program": ("net.pt2", lambda file: bench(file, "--trust", architecture="")),
    "images": ("a.npz", ARCHIVE[0]),
    "training images": ("a.npz", ARCHIVE[1]),
    "rerun": ("rerun.json", lambda file: ("record-rerun", file, "--by", "Ada")),
    "database": ("s.sqlite", lambda file: ("site", "--database", file)),
    "code": ("net.py", lambda file: bench(BUNDLED, "--trust", architecture=f"{file}:make")),
}


def missing_cases() -> Iterator[Case]:
    for what, write in NO_FILES.items():
        for role, (name, command) in FILES.items():
            yield Case("no files", f"{role}: {what}", with_file(name, write, command))


def format_cases() -> Iterator[Case]:
    """Formats that are refused whatever is in them, and endings that are not their format's."""
    content = BUNDLED.read_bytes()
    for ending in (
        ".pkl",
        ".pickle",
        ".h5",
        ".pb",
        ".tflite",
        ".joblib",
        ".npy",
        ".txt",
        "",
        ".gz",
    ):
        build = with_file(f"net{ending}", checkpoints.content(content), bench)
        # known by its first bytes, unless its name says that it is a pickle
        yield Case("formats", f"ending {ending!r}", build, codes=(0, 2))
    for ending in (".pt2", ".onnx"):
        build = with_file(f"net{ending}", checkpoints.content(content), GRAPH[0])
        yield Case("formats", f"weights as {ending!r}", build)
    for ending in (".safetensors", ".pt", ".pt2"):
        build = with_file(f"net{ending}", checkpoints.content(images()), bench)
        yield Case("formats", f"images as {ending!r}", build)
    yield Case("formats", "TorchScript", _scripted)
    yield Case(
        "formats", "submitted program", lambda _: submit(_copied("net.pt2"), architecture="")
    )
    yield Case(
        "formats", "code without trust", lambda _: bench(BUNDLED, architecture="net.py:make")
    )


def _copied(name: str) -> str:
    shutil.copy(BUNDLED, name)
    return name


def _scripted(folder: Path):
    import torch

    network = torch.jit.trace(torch.nn.Sequential(torch.nn.Flatten()), torch.zeros(1, 1, 8, 8))
    torch.jit.save(network, folder / "net.pt")
    return bench("net.pt")


def file_cases(every: bool = False) -> Iterator[Case]:
    """All of this module; with every command that reads such a file, or with one of them."""
    yield from checkpoint_cases(every)
    yield from archive_cases(every)
    yield from graph_cases(every)
    yield from missing_cases()
    yield from format_cases()
