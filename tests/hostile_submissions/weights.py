"""Checkpoints that cannot be read or used, with the finding that each has to get."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache

import torch
from safetensors.torch import save

from tests.hostile_files import checkpoints
from tests.hostile_files.cases.material import BUNDLED, saved, weights
from tests.hostile_files.flips import damaged, graph
from tests.hostile_submissions.entry import GRAPH, MLP, Entry, content

FINDINGS: dict[str, tuple[str, ...]] = {
    "too-large": ("10 GB *",),
    "invalid": ("empty",),  # of the request: there is no file of no bytes
    "file-type": (
        *("code in a bare pickle", "one byte", "zeros", "text", "web page", "tar", "gzip"),
        *("bare pickle of a tensor", "safetensors: a list"),
    ),
    "unsafe-pickle": (
        "code: *",
        "code alone: *",
        "code in a legacy*",
        "unknown storage",
        "a module",
    ),
    "weights-choice": (
        *("not a dictionary", "a list", "no tensors", "itself", "nested *", "endless *"),
        *("memo of *", "frame of *", "NumPy", "safetensors: no tensors"),
        "safetensors: metadata alone",
    ),
    "declared-size": ("repeated *", "sizes whose product *"),
    "unusable-tensors": (
        *("beyond *", "stride beyond *", "offset beyond *", "numbers of a missing *"),
        *("part of another folder", "complex", "sparse", "compressed rows", "meta"),
        *("safetensors: complex", "safetensors: unknown type"),
    ),
    "weights-mismatch": (
        *("NaN", "infinite", "too large for *", "safetensors: NaN", "safetensors: hostile *"),
    ),
}
"""Patterns of names in ``tests/hostile_files/checkpoints.py`` by the id that is expected."""

REST = "damaged-file"
"""The finding of those that are not there."""


def expected_of(name: str) -> frozenset[str]:
    """The finding that a checkpoint of ``tests/hostile_files`` has to get."""
    found = {
        number
        for number, patterns in FINDINGS.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
    return frozenset(found or {REST})


COSTLY = ("two million steps", "nested *", "10 GB *")
"""Patterns of names of those that take a second, or room on a disk without holes."""


def changed_weights(**changes: torch.Tensor) -> bytes:
    """The weights of a good network with some of them replaced."""
    return save({key: value.contiguous() for key, value in (weights() | changes).items()})


def filled(value: float, name: str = "linear1.weight") -> bytes:
    """A good network with one number replaced."""
    wrong = weights()[name].clone()
    wrong.view(-1)[7] = value
    return changed_weights(**{name: wrong})


def many_tensors(count: int) -> bytes:
    """A safetensors file of many empty tensors."""
    header = {f"w{k}": checkpoints.entry(shape=[0], offsets=[0, 0]) for k in range(count)}
    coded = json.dumps(header).encode()
    return struct.pack("<Q", len(coded)) + coded


def metadata(size: int) -> bytes:
    """A safetensors file whose metadata are as long as told."""
    return save({"w": torch.ones(2)}, {"notes": "a" * size})


@cache
def sound() -> dict[str, tuple[bytes, str]]:
    """A sound file of every format, and how such files are called."""
    return {
        "safetensors": (BUNDLED.read_bytes(), "model.safetensors"),
        "archive": (saved(), "model.pt"),
        "legacy": (saved(True), "model.ckpt"),
        "onnx": (graph(), "model.onnx"),
    }


def checkpoint_entries() -> Iterator[Entry]:
    """Those of ``tests/hostile_files``, and networks with a fault in their numbers or shapes."""
    for name, write in checkpoints.REFUSED.items():
        file_name = "model.safetensors" if name.startswith("safetensors") else "model.pt"
        kind = "pickles with code" if name.startswith("code") else "checkpoints"
        costly = any(fnmatchcase(name, pattern) for pattern in COSTLY)
        yield Entry(*(kind, name, write, expected_of(name)), file_name=file_name, costly=costly)
    wide = torch.zeros(7, weights()["linear3.weight"].shape[1])
    made = {
        "NaN among good weights": (filled(float("nan")), "nonfinite-weights"),
        "infinite among good weights": (filled(float("-inf")), "nonfinite-weights"),
        "NaN in a bias": (filled(float("nan"), "linear3.bias"), "nonfinite-weights"),
        "seven classes": (
            changed_weights(**{"linear3.weight": wide, "linear3.bias": torch.zeros(7)}),
            "weights-mismatch",
        ),
        "a weight of another shape": (
            changed_weights(**{"linear1.weight": weights()["linear1.weight"].T}),
            "weights-mismatch",
        ),
        "one dimension too many": (
            changed_weights(**{"linear1.bias": weights()["linear1.bias"][None, None]}),
            "weights-mismatch",
        ),
        "all zeros": (
            save({key: torch.zeros_like(value) for key, value in weights().items()}),
            "at-chance",
        ),
        "random weights": (
            save(_random(weights())),
            "at-chance",
        ),
        "weights of 1e30": (
            save({key: value * 1e30 for key, value in weights().items()}),
            "nonfinite-logits",
        ),
        "a model of the zoo": (BUNDLED.read_bytes(), "duplicate"),
        "eighty thousand tensors": (many_tensors(80_000), "weights-mismatch"),
        "metadata of a megabyte": (metadata(1 << 20), "weights-mismatch"),
        "header of 17 MB": (metadata(17 << 20), "weights-mismatch"),
    }
    for name, (data, expected) in made.items():
        yield Entry(
            "numbers and shapes", name, content(data), frozenset({expected}), MLP, "m.safetensors"
        )


def damaged_entries(count: int, seed: int = 0) -> Iterator[Entry]:
    """Sound files of every format with bits flipped, or cut off.

    A flipped bit of a number makes another network, which may be as good. So there is no one
    finding that is right: they are refused, or accepted.

    Args:
        count: of each format.
        seed: of the damage.
    """
    for form, (data, file_name) in sound().items():
        said = GRAPH if form == "onnx" else MLP
        for place in range(count):
            draw = random.Random(f"{form} {seed} {place}")  # noqa: S311 - no secrets
            made = damaged(data, draw)
            yield Entry(
                *("flipped and cut", f"{form} {place}", content(made), frozenset()),
                *(said, file_name, True),
            )


def _random(like: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Random weights, the same in every run: some are above chance on few images by luck."""
    generator = torch.Generator().manual_seed(0)
    return {key: torch.randn(value.shape, generator=generator) for key, value in like.items()}
