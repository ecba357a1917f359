"""Databases and reruns as accidents leave them, odd terminals, and files of two networks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import torch

from tests.hostile_files.case import Arguments, Case
from tests.hostile_files.cases.material import (
    CLEAN,
    MODEL,
    ONE,
    bench,
    by_name,
    database,
    landscape,
    plain,
    rerun,
    submit,
    weights,
)

Change = Callable[[Path], object]
DATABASE = ("--database", "s.sqlite")

READING: dict[str, Arguments] = {
    "site": ("site", *DATABASE),
    "export": ("export", MODEL, *DATABASE),
    "findings": ("findings", *DATABASE),
    "reproduce": ("reproduce", MODEL, *DATABASE),
    "record-rerun": ("record-rerun", "rerun.json", "--by=Ada", *DATABASE),
}
WRITING: dict[str, Arguments] = {
    "bench": (*ONE, *DATABASE),
    "submit": submit("net.safetensors", *DATABASE),
}


def statements(*texts: str) -> Change:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("pragma foreign_keys = off")
            for text in texts:
                connection.execute(text)

    return change


def content(change: Callable[[bytes], bytes]) -> Change:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


def other(path: Path) -> None:
    path.unlink()
    statements("create table notes (a)")(path)


UNUSABLE: dict[str, Change] = {
    "text": content(lambda _: b"not a database" * 100),
    "zip": content(lambda data: b"PK\3\4" + data),
    "cut in its header": content(lambda data: data[:50]),
    "cut": content(lambda data: data[:9000]),
    "zeros after the header": content(lambda data: data[:100] + bytes(90_000)),
    "bad page size": content(lambda data: data[:16] + b"\7\7" + data[18:]),
    "newer": statements("update alembic_version set version_num = '9999'"),
    "hostile version": statements("update alembic_version set version_num = 'x'';--\x1b[2J'"),
    "of somebody else": other,
    "without models": statements("drop view leaderboard", "drop table models"),
    "without scores": statements("drop view leaderboard", "drop table scores"),
    "encrypted": content(lambda data: bytes(each ^ 0x5A for each in data)),
}
ALL = f"(select fingerprint from models where name = '{MODEL}')"
OF = f"where fingerprint = {ALL}"
ROWS: dict[str, Change] = {
    "card is no JSON": statements(f"update models set card = '{{' {OF}"),
    "card of escapes": statements(
        f"update models set card = json_set(card, '$.name', char(27) || '[2J') {OF}"
    ),
    "card without a name": statements(f"update models set card = json_remove(card, '$.name') {OF}"),
    "card of another file": statements(
        f"update models set card = json_set(card, '$.checkpoint', '../../../etc/passwd') {OF}"
    ),
    "card of a script": statements(
        f"update models set card = json_set(card, '$.paper', 'javascript:alert(1)') {OF}"
    ),
    "nested card": statements(f"update models set card = '{'[' * 100_000}' {OF}"),
    "payload cut": statements(f"update results set payload = substr(payload, 1, 99) {OF}"),
    "payload null": statements(f"update results set payload = 'null' {OF}"),
    "provenance without examples": statements(
        f"update results set provenance = json_remove(provenance, '$.examples') {OF}"
    ),
    "device of escapes": statements(
        f"update results set provenance = json_set(provenance, '$.device', char(10) || 'a') {OF}"
    ),
    "examples of 2^62": statements(
        f"update results set provenance = json_set(provenance, '$.examples', {1 << 62}) {OF}"
    ),
    "outcomes too short": statements("update outcomes set bits = x'ff'"),
    "outcomes of 2^62": statements(f"update outcomes set n = {1 << 62}"),
    "infinite score": statements("update scores set value = 9e999"),
    "no rows": statements("delete from outcomes", "delete from scores", "delete from results"),
}


def built(change: Change, arguments: Arguments, after: Change | None = None):
    def build(folder: Path) -> Arguments:
        from tests.hostile_files.cases.material import BUNDLED

        (folder / "s.sqlite").write_bytes(database())
        (folder / "rerun.json").write_bytes(rerun())
        (folder / "net.safetensors").write_bytes(BUNDLED.read_bytes())
        change(folder / "s.sqlite")
        if after is not None:
            after(folder)
        return arguments

    return build


def database_cases() -> Iterator[Case]:
    for name, change in UNUSABLE.items():
        for command, arguments in (READING | WRITING).items():
            yield Case("databases", f"{command}: {name}", built(change, arguments))
    for name, change in ROWS.items():
        for command, arguments in (READING | WRITING).items():
            build = built(change, arguments)
            yield Case("rows of databases", f"{command}: {name}", build, codes=(0, 1, 2))
    closed = [folder_of(0o555), folder_of(0)]
    for name, lock in zip(("read-only folder", "closed folder"), closed, strict=True):
        for command, arguments in READING.items():
            moved = [*arguments[:-1], "locked/s.sqlite"]
            build = built(lambda _: None, moved, lock)
            yield Case("databases", f"{command}: {name}", build, codes=(0, 1, 2))
    for command, arguments in READING.items():
        build = built(statements("pragma journal_mode = wal"), arguments)
        yield Case("databases", f"{command}: WAL", build, codes=(0, 1))


def folder_of(mode: int) -> Change:
    def lock(folder: Path) -> None:
        (folder / "locked").mkdir()
        (folder / "s.sqlite").rename(folder / "locked" / "s.sqlite")
        (folder / "locked").chmod(mode)

    return lock


def changed(edit: Callable[[dict], object]) -> bytes:
    found = json.loads(rerun())
    edit(found)
    return json.dumps(found).encode()


RERUNS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no JSON": lambda: b"{",
    "not UTF-8": lambda: b'{"a": "\xff"}',
    "nested": lambda: b"[" * 1_000_000,
    "long number": lambda: b'{"seed": ' + b"9" * 100_000 + b"}",
    "a list": lambda: b"[]",
    "a key more": lambda: changed(lambda each: each.update({"\x1b[2J": 1})),
    "a long key": lambda: changed(lambda each: each.update({"k" * 200_000: 1})),
    "newer": lambda: changed(lambda each: each.update(schema_version=2)),
    "another model": lambda: changed(lambda each: each.update(fingerprint="0" * 64)),
    "hostile model": lambda: changed(lambda each: each.update(model="\x1b[2J", seed=7)),
    "seed of 2^70": lambda: changed(lambda each: each.update(seed=1 << 70)),
    "no results": lambda: changed(lambda each: each.update(results={})),
    "hostile probe": lambda: changed(lambda each: each["results"].update({"\n": {}})),
    "unknown probe": lambda: changed(
        lambda each: each.update(results={"else": each["results"]["clean"]})
    ),
    "one outcome short": lambda: changed(
        lambda each: each["results"]["clean"]["outcomes"].update(headline="01")
    ),
    "no scores": lambda: changed(lambda each: each["results"]["clean"].update(scores={})),
    "of the year 9999": lambda: changed(
        lambda each: each["results"]["clean"].update(created="9999-12-31T23:59:59-23:00")
    ),
    "without a zone": lambda: changed(
        lambda each: each["results"]["clean"].update(created="2026-01-01T00:00:00")
    ),
    "threads": lambda: changed(lambda each: each["results"]["clean"].update(threads=1 << 80)),
}


def _written(name: str, made: Callable[[], bytes]) -> Change:
    return lambda folder: (folder / name).write_bytes(made())


def rerun_cases() -> Iterator[Case]:
    for name, made in RERUNS.items():
        build = built(
            lambda _: None,
            READING["record-rerun"],
            _written("rerun.json", made),
        )
        recorded = name in ("one outcome short", "no scores")  # as one that does not agree
        yield Case("reruns", name, build, codes=(0,) if recorded else (1, 2))


OUTPUTS: dict[str, tuple[Arguments, int]] = {
    "models": (("models",), 0),
    "show": (("models", "show", MODEL), 0),
    "json": (("models", "show", MODEL, "--json"), 0),
    "bench": (ONE, 0),
    "export": (("export", MODEL, *DATABASE), 0),
    "findings": (("findings", "--out", ".", *DATABASE), 0),
    "reproduce": (("reproduce", MODEL, *DATABASE), 0),
    "doctor": (("doctor",), 0),
    "help": (("bench", "--help"), 0),
    "error": (("models", "show", "dig\u2026its/[v2]\N{PILE OF POO}"), 2),
}


def terminal_cases() -> Iterator[Case]:
    terminals = {
        "ascii": {"encoding": "ascii"},
        "cp437": {"encoding": "cp437"},
        "40 columns": {"environment": {"COLUMNS": "40"}},
        "1 column": {"environment": {"COLUMNS": "1"}},
        "NO_COLOR": {"environment": {"NO_COLOR": "1"}},
        "dumb": {"environment": {"TERM": "dumb"}},
        "closed pipe": {"closed": True},
    }
    for name, options in terminals.items():
        for command, (arguments, code) in OUTPUTS.items():
            build = built(lambda _: None, arguments)
            yield Case("terminals", f"{command}: {name}", build, codes=(code,), **options)  # type: ignore[arg-type]


def averaged(folder: Path) -> None:
    """The sound weights are the moving averages; the raw ones answer by chance."""
    raw = {key: torch.zeros_like(value) for key, value in weights().items()}
    torch.save({"state_dict": raw, "state_dict_ema": dict(weights())}, folder / "two.pt")


def weights_cases() -> Iterator[Case]:
    taken = {
        "bench": (bench("two.pt", "--weights", "ema"), 0, "state_dict_ema"),
        "bench by name": (bench("two.pt", "--weights", "state_dict_ema"), 0, "state_dict_ema"),
        "submit": (submit("two.pt", "--weights", "ema"), 0, "state_dict_ema"),
        "submit raw": (submit("two.pt"), 2, "not above chance"),
        "landscape": ((*landscape("two.pt"), "--weights", "ema"), 0, "state_dict_ema"),
        "by a name with options": (
            ("bench", f"{by_name('two.pt')[1]}&weights=ema", *ONE[2:]),
            0,
            "state_dict_ema",
        ),
        "unknown": (bench("two.pt", "--weights", "best"), 2, "best"),
        "none in the file": (bench("net.safetensors", "--weights", "ema"), 2, "moving averages"),
        "of a graph": (bench("net.onnx", "--weights", "ema", architecture=""), 2, "weights"),
        "of the zoo": ((*ONE, "--weights", "ema"), 2, "--weights"),
    }  # fmt: skip
    for name, (arguments, code, text) in taken.items():
        build = built(lambda _: None, arguments, averaged)
        yield Case("weights", name, build, codes=(code,), text=text)
    for command in ("bench", "submit"):
        yield Case(
            "weights", f"reproduced after {command}", built(lambda _: None, (command,), averaged),
            codes=(0,), run=_scored_and_reproduced,
        )  # fmt: skip


def _scored_and_reproduced(arguments) -> int:
    from leaderboard.cli import run

    own = ("--database", "own.sqlite")
    if arguments[0] == "submit":
        steps = [submit("two.pt", "--weights", "ema", *own), ("reproduce", "mine", *own)]
    else:
        steps = [
            bench("two.pt", "--weights", "ema", *own),
            ("reproduce", "two", "--checkpoint", "two.pt", *own),
        ]
    return max(run([str(each) for each in step]) for step in steps)


def imagenet_cases() -> Iterator[Case]:
    layouts: dict[str, Change] = {
        "nothing": lambda folder: None,
        "flat": lambda folder: (folder / "a.JPEG").write_bytes(b""),
        "hidden alone": lambda folder: (folder / ".ipynb_checkpoints").mkdir(),
        "unknown classes": lambda folder: (folder / "cat").mkdir(),
        "empty synset": lambda folder: (folder / "n01440764").mkdir(),
        "no images": lambda folder: _image(folder / "n01440764" / "a.txt", b"x"),
        "no JPEG": lambda folder: _image(folder / "n01440764" / "a.JPEG", b"GIF89a"),
        "empty image": lambda folder: _image(folder / "n01440764" / "a.JPEG", b""),
        "bomb": lambda folder: _bomb(folder / "n01440764" / "a.JPEG"),
        "a folder as an image": lambda folder: (folder / "n01440764/a.JPEG").mkdir(parents=True),
        "a loop": lambda folder: (folder / "n01440764").symlink_to("n01440764"),
        "hostile names": lambda folder: (folder / "\x1b[2J\n").mkdir(),
    }  # fmt: skip
    command = ("bench", "torchvision:resnet18", "--battery=imagenet-linf-v1", "--data-root=data")
    for name, fill in layouts.items():
        build = _imagenet(fill, (*command, "--examples=1", "--probe=clean", "--no-site"))
        yield Case("ImageNet folders", name, build)


def _imagenet(fill: Change, arguments: Arguments):
    def build(folder: Path) -> Arguments:
        (folder / "data" / "imagenet" / "val").mkdir(parents=True)
        fill(folder / "data" / "imagenet" / "val")
        return arguments

    return build


def _image(path: Path, data: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(data)


def _bomb(path: Path) -> None:
    from tests.hostile_files.archives import jpeg

    _image(path, jpeg((8, 8), (65500, 65500)))


def all_databases() -> Iterator[Case]:
    """All of this module."""
    yield from database_cases()
    yield from rerun_cases()
    yield from terminal_cases()
    yield from weights_cases()
    yield from imagenet_cases()


__all__ = ["CLEAN", "all_databases", "plain"]
