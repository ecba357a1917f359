"""What is fuzzed: sound inputs of each kind, how they are changed, and what reads them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import struct
import tempfile
import zipfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models_zoo.errors import InputError
from tests.event_loop import run
from tests.fuzzing.mutations import Mutate, changed_json, damaged, json_bytes, nested

REPOSITORY = Path(__file__).resolve().parents[2]

DESCRIPTION: dict[str, Any] = {
    "name": "digits/mine",
    "dataset": "digits",
    "architecture": "mlp",
    "mean": [0.3054],
    "std": [0.3759],
    "paper": "https://example.org/paper",
    "authors": "Ada",
    "recipe": "pgd-at",
    "extra_data": False,
    "licence": "MIT",
    "contact": "ada@example.org",
    "notes": "two\nlines",
    "claims": {
        "clean_accuracy": 0.9,
        "robust_accuracy": 0.5,
        "norm": "linf",
        "eps": "8/255",
        "attack": "AutoAttack",
    },
}


@dataclass(frozen=True)
class Target:
    """Something that reads what strangers send.

    Attributes:
        name: of the kind of input.
        seeds: gives sound inputs.
        mutate: changes one.
        read: reads it from a file.
        allowed: exceptions that are an answer.
        suffix: of the file.
    """

    name: str
    seeds: Callable[[], Sequence[bytes]]
    mutate: Mutate
    read: Callable[[Path], object]
    allowed: tuple[type[Exception], ...] = (InputError,)
    suffix: str = ""

    def run(self, content: bytes, folder: Path) -> bool:
        """Read an input; returns whether it was taken.

        Raises:
            Exception: one that is no answer.
        """
        path = folder / f"input{self.suffix}"
        path.write_bytes(content)
        try:
            self.read(path)
        except self.allowed as error:
            if isinstance(error, InputError):
                require_line(str(error))
            return False
        return True


def require_line(text: str) -> None:
    """Check that a refusal is one line that can be shown.

    Raises:
        AssertionError: it is not.
    """
    odd = {each for each in text if not each.isprintable()}
    if odd or len(text) > 4000:
        raise AssertionError(f"not one line that prints: {text[:300]!a} ({len(text)} characters)")


# ---- descriptions ---------------------------------------------------------------------------


def toml(said: dict[str, Any]) -> bytes:
    """A description as TOML, also with values that it cannot hold."""
    lines, tables = [], []
    for key, value in said.items():
        if isinstance(value, dict) and value:
            tables.append(f"[{key}]")
            tables += [f"{inner} = {_toml_value(each)}" for inner, each in value.items()]
        else:
            lines.append(f"{key} = {_toml_value(value)}")
    return "\n".join([*lines, *tables, ""]).encode("utf-8", "surrogatepass")


def _toml_value(value: Any) -> str:
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False)


def mutate_toml(content: bytes, draw: random.Random) -> bytes:
    """A changed description, or changed text."""
    changed = changed_json(DESCRIPTION, draw)
    if draw.random() < 0.6 and isinstance(changed, dict):
        return toml(changed)
    return damaged(content, draw)


def read_toml(path: Path) -> None:
    """As ``nonsingular submit --description`` does."""
    from leaderboard.submissions.description_file import description_of, read_description

    description_of({}, read_description(path), path).public()


def mutate_description(content: bytes, draw: random.Random) -> bytes:
    """A changed description as JSON."""
    return nested(changed_json(json.loads(content), draw), draw)


def read_json(path: Path) -> None:
    """As the service does with the body of a request that is JSON."""
    from pydantic import ValidationError

    from leaderboard.service.problems import invalid
    from leaderboard.submissions.description import Description

    try:
        given = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return  # the framework's own answer
    try:
        description = Description.model_validate(given)
    except ValidationError as error:
        json.dumps(invalid(error).body()).encode()
        raise InputError("refused") from error
    json.dumps(description.public()).encode("utf-8")


def form(fields: dict[str, str], data: bytes = b"weights") -> bytes:
    """A form as a browser sends it, with the boundary ``b``."""
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.pt"\r\n\r\n'
    return b"".join([*parts, head, data, b"\r\n--b--\r\n"])


def read_form(path: Path) -> None:
    """As the page with a form does, in pieces of several sizes."""
    from leaderboard.service.form import read_form as reading

    content = path.read_bytes()
    size = 1 + sum(content[:8]) % 200

    async def stream() -> AsyncIterator[bytes]:
        for place in range(0, len(content), size):
            yield content[place : place + size]

    async def whole() -> int:
        found = await reading(stream(), "multipart/form-data; boundary=b")
        return sum([len(each) async for each in found.content])

    run(whole)


def _problem() -> type[Exception]:
    from leaderboard.service.problems import Problem

    return Problem


# ---- checkpoints ----------------------------------------------------------------------------


@cache
def safetensors_seeds() -> list[bytes]:
    """Two files of weights."""
    import torch
    from safetensors.torch import save

    from tests.hostile_files.cases.material import BUNDLED

    mixed = {
        "a": torch.ones(2, 3),
        "b": torch.zeros(0),
        "c": torch.arange(4),
        "d": torch.tensor(1.0),
    }
    return [BUNDLED.read_bytes(), save(mixed, {"notes": "x"})]


def mutate_safetensors(content: bytes, draw: random.Random) -> bytes:
    """A changed header whose length is right in most cases, or changed bytes."""
    if draw.random() < 0.3:
        return damaged(content, draw)
    size = int.from_bytes(content[:8], "little")
    header = nested(changed_json(json.loads(content[8 : 8 + size]), draw), draw)
    length = len(header) if draw.random() < 0.9 else draw.choice([0, 2**63, 2**64 - 1, size])
    return struct.pack("<Q", length) + header + content[8 + size :]


@cache
def archive_seeds() -> list[bytes]:
    """A file of ``torch.save``, with more in it than weights."""
    from tests.hostile_files.cases.material import saved

    return [saved(False, epoch=3, loss=0.5), saved()]


def mutate_archive(content: bytes, draw: random.Random) -> bytes:
    """A changed part in an archive whose checksums are right, or changed bytes."""
    if draw.random() < 0.3:
        return damaged(content, draw)
    return _repacked(content, draw)


def _repacked(content: bytes, draw: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = draw.choice([each for each in parts if each.endswith((".pkl", ".npy"))] or [*parts])
    parts[name] = damaged(parts[name][:20_000], draw) + parts[name][20_000:]
    if draw.random() < 0.1:
        parts[draw.choice(["../x", "a\0b", name + "x", ""])] = parts.pop(draw.choice(sorted(parts)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each, data in parts.items():
            archive.writestr(zipfile.ZipInfo(each), data)
    return buffer.getvalue()


@cache
def legacy_seeds() -> list[bytes]:
    """A file of ``torch.save`` before PyTorch 1.6."""
    from tests.hostile_files.cases.material import saved

    return [saved(True, epoch=3, loss=0.5)]


def read_weights_of(path: Path) -> None:
    """As everything does that reads a checkpoint."""
    from models_zoo.checkpoint import read_checkpoint

    read_checkpoint(path)


@cache
def graph_seeds() -> list[bytes]:
    """Graphs."""
    from tests.hostile_files import graph_texts, graphs

    return [
        graph_texts.plain().SerializeToString(),
        graph_texts.full().SerializeToString(),
        *(each.SerializeToString() for each, _ in list(graphs.WRONG.values())[:8]),
    ]


def read_submission(path: Path) -> None:
    """As the checks of a submission do; whatever the file is, they end in a verdict."""
    from leaderboard.submissions.validation import validate

    said = {key: DESCRIPTION[key] for key in ("name", "dataset", "mean", "std")}
    if path.read_bytes()[:1] != b"\x08":
        said["architecture"] = "mlp"
    request = {"description": said, "file_name": "model", "examples": 20}
    for each in validate(request, {"checkpoint": path}, lambda _: None)["findings"]:
        require_line(each["saw"])


# ---- data, results, counterexamples ---------------------------------------------------------


@cache
def npz_seeds() -> list[bytes]:
    """Images as numbers and as JPEG files."""
    from tests.hostile_files.cases.material import images

    return [images(8), images(4, "jpeg")]


def read_npz(path: Path) -> None:
    """As ``--data`` does."""
    from benchmark.datasets import load_npz

    load_npz(path)


@cache
def results_seeds() -> list[bytes]:
    """The published results, cut down to one of them."""
    lines = gzip.decompress((REPOSITORY / "results" / "zoo.jsonl.gz").read_bytes()).splitlines()
    header, *rest = map(json.loads, lines[:-1])
    battery = rest[0]
    models = rest[header["batteries"] : header["batteries"] + header["models"]]
    results = rest[header["batteries"] + header["models"] :]
    one = next(
        each for each in results if each["provenance"]["battery_sha256"] == battery["sha256"]
    )
    model = next(each for each in models if each["fingerprint"] == one["provenance"]["fingerprint"])
    header |= {"batteries": 1, "models": 1, "results": 1}
    return [_packed([json_bytes(each) for each in (header, battery, model, one)])]


def _packed(lines: Sequence[bytes], sha256: str | None = None) -> bytes:
    """An archive of lines, with a last one that has their hash."""
    whole = b"\n".join(lines) + b"\n"
    end = {"sha256": hashlib.sha256(whole).hexdigest() if sha256 is None else sha256}
    return gzip.compress(whole + json_bytes(end) + b"\n", 1)


def mutate_results(content: bytes, draw: random.Random) -> bytes:
    """One changed line, with a right hash at the end in most cases."""
    lines = gzip.decompress(content).splitlines()[:-1]
    place = draw.randrange(len(lines))
    lines[place] = (
        nested(changed_json(json.loads(lines[place]), draw), draw)
        if draw.random() < 0.8
        else damaged(lines[place], draw)
    )
    packed = _packed(lines, None if draw.random() < 0.95 else "0" * 64)
    return packed if draw.random() < 0.9 else damaged(packed, draw)


def read_results(path: Path) -> None:
    """As ``nonsingular import`` does, into a database in memory."""
    from leaderboard.archives import import_archive, read_archive

    import_archive(_store(), read_archive(path))


@cache
def _store() -> Any:
    from leaderboard.store import Store

    return Store.open(":memory:")


@cache
def counterexample_seeds() -> list[bytes]:
    """Counterexamples on images, on weights, and a backdoor."""
    import torch

    from benchmark.budgets import Budget
    from benchmark.counterexamples import Counterexample, write_counterexample
    from benchmark.threats import InputThreat, WeightThreat

    made = (
        Counterexample(
            InputThreat("linf", Budget.of(0.2)), torch.arange(2), torch.rand(2, 1, 8, 8)
        ),
        Counterexample(
            WeightThreat("relative-l2", Budget.of(0.1)), delta={"linear1.bias": torch.rand(256)}
        ),
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for each in made:
            path = Path(folder) / "a.safetensors"
            write_counterexample(path, each)
            found.append(path.read_bytes())
    return found


def mutate_counterexample(content: bytes, draw: random.Random) -> bytes:
    """A changed description inside the header, or a changed file."""
    if draw.random() < 0.5:
        return mutate_safetensors(content, draw)
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    inner = json.loads(header["__metadata__"]["counterexample"])
    header["__metadata__"]["counterexample"] = nested(changed_json(inner, draw), draw).decode()
    coded = json_bytes(header)
    return struct.pack("<Q", len(coded)) + coded + content[8 + size :]


def read_counterexample_of(path: Path) -> None:
    """As the service does with a counterexample that was sent, on a small model."""
    from benchmark.counterexamples import read_counterexample

    read_counterexample(path)


def targets() -> list[Target]:
    """All of them."""
    return [
        Target("description.toml", lambda: [toml(DESCRIPTION)], mutate_toml, read_toml),
        Target(
            "description.json", lambda: [json_bytes(DESCRIPTION)], mutate_description, read_json
        ),
        Target(
            *("form", lambda: [form({"name": "x", "dataset": "digits"})], damaged, read_form),
            allowed=(_problem(),),
        ),
        Target(
            *("safetensors", safetensors_seeds, mutate_safetensors, read_weights_of),
            suffix=".safetensors",
        ),
        Target("archive", archive_seeds, mutate_archive, read_weights_of, suffix=".pt"),
        Target("legacy", legacy_seeds, damaged, read_weights_of, suffix=".pt"),
        Target("npz", npz_seeds, mutate_archive, read_npz, suffix=".npz"),
        Target("results", results_seeds, mutate_results, read_results),
        Target(
            *("counterexample", counterexample_seeds, mutate_counterexample),
            read_counterexample_of,
            suffix=".safetensors",
        ),
        Target("onnx", graph_seeds, damaged, read_submission, allowed=()),
        Target(
            *("submission", lambda: [*safetensors_seeds(), *archive_seeds(), *legacy_seeds()]),
            _by_kind,
            read_submission,
            allowed=(),
        ),
    ]


def _by_kind(content: bytes, draw: random.Random) -> bytes:
    if content.startswith(b"PK"):
        return mutate_archive(content, draw)
    if content[8:9] == b"{":
        return mutate_safetensors(content, draw)
    return damaged(content, draw)
