"""Archives and files of other programs: bombs, paths that lead outside, and what carries code."""

from __future__ import annotations

import bz2
import functools
import gzip
import io
import json
import lzma
import pickle
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator

import numpy as np

from tests.hostile_files import archives, checkpoints
from tests.hostile_files.pickles import archive, dict_of, pickle_of, tensor
from tests.hostile_submissions.entry import WITNESS, Builder, Entry, content

OUTSIDE = {
    "outside": f"{'../' * 12}srv/{WITNESS}",
    "absolute": f"/srv/{WITNESS}",
    "on a drive": f"C:\\{WITNESS}",
    "back and forth": f"archive/../../../{WITNESS}",
}
"""Names that lead out of the folder that an archive is unpacked into."""

GOOD = pickle_of(dict_of(w=tensor()))


Member = tuple[str | zipfile.ZipInfo, bytes]


def zipped(*members: Member, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        for name, data in members:
            packed.writestr(name, data)
    return buffer.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    """A member of a zip archive that is a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def tarred(*members: tarfile.TarInfo) -> bytes:
    """A tar archive of members without content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        for each in members:
            packed.addfile(each)
    return buffer.getvalue()


def tar_member(name: str, target: str = "", kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    """A member of a tar archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def nested_bomb(levels: int, copies: int = 16) -> bytes:
    """A zip archive of zip archives of zip archives, each of the same content many times."""
    data = zipped(("0", bytes(1 << 20)), method=zipfile.ZIP_DEFLATED)
    for _ in range(levels):
        members = [(f"{place}.zip", data) for place in range(copies)]
        data = zipped(*members, method=zipfile.ZIP_DEFLATED)
    return data


def overlapping_bomb(entries: int = 2000) -> bytes:
    """A directory whose entries all point to the same packed megabytes."""
    one = zipped(("archive/data.pkl", bytes(1 << 20)), method=zipfile.ZIP_DEFLATED)
    start = one.index(b"PK\x01\x02")
    end = one.index(b"PK\x05\x06")
    record = one[start:end]
    tail = struct.pack(
        *("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, len(record) * entries, start, 0)
    )
    return one[:start] + record * entries + tail


def said_entries(count: int) -> bytes:
    """An archive that says to have more members than it has."""
    data = bytearray(zipped(("archive/data.pkl", GOOD)))
    place = data.rindex(b"PK\x05\x06")
    struct.pack_into("<2H", data, place + 8, count, count)
    return bytes(data)


def zip64() -> bytes:
    """An archive whose member says that its size is in an extra field, which is missing."""
    data = bytearray(zipped(("archive/data.pkl", GOOD), ("archive/data/0", bytes(16))))
    place = data.rindex(b"PK\x01\x02")
    struct.pack_into("<2L", data, place + 20, 0xFFFFFFFF, 0xFFFFFFFF)
    return bytes(data)


def named_parts(name: str) -> bytes:
    """A file of ``torch.save`` with a part of some name."""
    return zipped(
        *(("archive/data.pkl", GOOD), ("archive/byteorder", b"little")),
        *(("archive/data/0", struct.pack("<4f", 1, 2, 3, 4)), (name, b"x")),
    )


class Shell:
    """Runs a program where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """What pickle calls."""
        import os

        return os.system, (f"touch {WITNESS}",)


class Evaluated:
    """Evaluates an expression where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """What pickle calls."""
        return eval, (f"open({WITNESS!r}, 'w')",)


def legacy(value: object, protocol: int = 2) -> bytes:
    """A file of ``torch.save`` before PyTorch 1.6."""
    parts: tuple[object, ...] = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, value, [])
    return b"".join(pickle.dumps(each, protocol) for each in parts)


def objects() -> bytes:
    """A NumPy array of objects."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([Shell()], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def laughs(depth: int = 30) -> bytes:
    """XML whose entities expand to billions of characters."""
    lines = "".join(f'<!ENTITY l{k + 1} "&l{k};&l{k};">' for k in range(depth))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{lines}]><x>&l{depth};</x>'.encode()


def behind(part: bytes) -> bytes:
    """A good safetensors file whose numbers are another file."""
    padded = part + bytes(-len(part) % 4)
    header = {"w": checkpoints.entry(shape=[len(padded) // 4], offsets=[0, len(padded)])}
    coded = json.dumps(header).encode()
    return struct.pack("<Q", len(coded)) + coded + padded


CODE: dict[str, bytes] = {
    "os.system in a dictionary": pickle.dumps({"w": Shell()}),
    "eval": pickle.dumps(Evaluated()),
    "os.system in an old file": legacy({"w": Shell()}),
    "eval in an old file": legacy(Evaluated()),
    "in a tuple of lists of dictionaries": legacy({"a": ([{"b": [({"c": Shell()},)]}],)}),
    "in the state of the optimizer": legacy({"state_dict": {}, "optimizer": {"x": Shell()}}),
    "protocol 0": b"cos\nsystem\n(S'touch " + WITNESS.encode() + b"'\ntR.",
    "protocol 5": pickle.dumps({"w": Shell()}, 5),
    "zip of an archive": archive(pickle.dumps({"w": Shell()}, 2)),
    "zip, evaluated": archive(pickle.dumps({"w": Evaluated()}, 2)),
    "a pickle in a pickle": legacy({"w": pickle.dumps(Shell(), 2), "v": Shell()}),
    "in the keys": archive(pickle.dumps({Evaluated: 1}, 2)),
    "partial": archive(pickle.dumps({"w": functools.partial(print, 1)}, 2)),
}
"""Pickles that run something, each refused without running it."""

REFUSED_TYPES: dict[str, Builder] = {
    "zip bomb": content(zipped(("a", bytes(64 << 20)), method=zipfile.ZIP_DEFLATED)),
    "zip bomb of zip bombs": lambda path: path.write_bytes(nested_bomb(4)),
    "zip with ten thousand members": lambda path: path.write_bytes(
        zipped(*((f"{k}", b"") for k in range(10_000)))
    ),
    "zip with names that lead outside": content(
        zipped(*((name, b"x") for name in OUTSIDE.values()))
    ),
    "zip with links": content(zipped((link("a"), b"/etc/passwd"), ("a/b", b"x"))),
    "zip of one name of 60 kB": content(zipped(("a" * 60_000, b"x"))),
    "zip in a zip": content(zipped(("model.zip", archive(GOOD)))),
    "gzip bomb": lambda path: path.write_bytes(gzip.compress(gzip.compress(bytes(64 << 20)))),
    "bzip2 bomb": lambda path: path.write_bytes(bz2.compress(bytes(64 << 20))),
    "xz bomb": lambda path: path.write_bytes(lzma.compress(bytes(64 << 20), preset=0)),
    "tar with names that lead outside": content(tarred(*map(tar_member, OUTSIDE.values()))),
    "tar with links": content(
        tarred(
            tar_member("a", "/etc", tarfile.SYMTYPE),
            tar_member("a/passwd"),
            tar_member("b", "/etc/passwd", tarfile.LNKTYPE),
        )
    ),
    "tar with a device": content(tarred(tar_member("zero", kind=tarfile.CHRTYPE))),
    "TorchScript": content(
        zipped(
            ("net/data.pkl", GOOD),
            ("net/code/__torch__.py", f"open({WITNESS!r}, 'w')".encode()),
            ("net/constants.pkl", pickle_of(b")")),
        )
    ),
    "pt2": content(zipped(("net/archive_format", b"pt2"), ("net/models/model.json", b"{}"))),
    "old pt2": content(zipped(("serialized_exported_program.json", b"{}"), ("version", b"1.0"))),
    "Keras HDF5": content(b"\x89HDF\r\n\x1a\n" + bytes(2000)),
    "Keras": content(zipped(("config.json", b"{}"), ("model.weights.h5", b"\x89HDF\r\n\x1a\n"))),
    "SavedModel": content(b"\x08\x01\x12\x04\x0a\x02\x0a\x00"),
    "SavedModel, packed": content(zipped(("net/saved_model.pb", b"\x08\x01\x12\x00"))),
    "TensorFlow Lite": content(b"\x1c\0\0\0TFL3" + bytes(200)),
    "GGUF": content(b"GGUF\x03\0\0\0" + b"\xff" * 200),
    "NumPy array of objects": content(objects()),
    "NumPy arrays of objects": content(zipped(("w.npy", objects()))),
    "NumPy header that runs": archives.REFUSED["header that runs"],
    "NumPy header of 4 GB": archives.REFUSED["header of 4 GB"],
    "NumPy bomb": archives.REFUSED["bomb"],
    "program": content(b"\x7fELF\x02\x01\x01" + bytes(500)),
    "program of Windows": content(b"MZ\x90\0" + bytes(500)),
    "script": content(f"#!/bin/sh\ntouch {WITNESS}\n".encode()),
    "module of Python": content(f"open({WITNESS!r}, 'w')\n".encode()),
    "entities that expand": content(laughs()),
    "web page with a script": content(b"<script>fetch('http://127.0.0.1/')</script>"),
    "nested JSON": content(b'{"a":' * 100_000),
    "YAML that runs": content(f"!!python/object/apply:os.system ['touch {WITNESS}']".encode()),
    "PDF": content(b"%PDF-1.7\n" + bytes(100)),
    "SQLite": content(b"SQLite format 3\0" + bytes(4000)),
    "Git LFS": content(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    "escapes of a terminal": content(b"\x1b]0;title\x07\x1b[2J" * 100),
    "noise": content(np.random.default_rng(0).bytes(10_000)),
}
"""Files of other programs, each refused by its type without being opened as what it is."""

DAMAGED: dict[str, Builder] = {
    "zip of two thousand parts in one place": content(overlapping_bomb()),
    "zip that says 65535 members": content(said_entries(65_535)),
    "zip that says no members": content(said_entries(0)),
    "zip with a part of unknown size": content(zip64()),
    "zip with a packed pickle of 64 MB": content(
        zipped(("archive/data.pkl", bytes(64 << 20)), method=zipfile.ZIP_DEFLATED)
    ),
    "zip with 20,000 parts": lambda path: path.write_bytes(
        archive(GOOD, {f"{k}": b"" for k in range(20_000)})
    ),
    "zip with a link in place of numbers": content(
        zipped(("archive/data.pkl", GOOD), (link("archive/data/0"), b"/etc/passwd"))
    ),
    "safetensors in front of a zip": content(behind(b"")[:-1] + archive(GOOD)),
}
"""Archives that look like those of ``torch.save``, and are not whole."""

HARMLESS: dict[str, tuple[Builder, str]] = {
    "a pickle with code behind an empty one": (
        content(legacy({}) + pickle.dumps(Shell())),
        "weights-choice",
    ),
    **{
        f"part whose name is {what}": (content(named_parts(name)), "weights-mismatch")
        for what, name in OUTSIDE.items()
    },
    "safetensors with a zip inside": (content(behind(archive(GOOD))), "weights-mismatch"),
    "safetensors with a pickle inside": (
        content(behind(pickle.dumps(Shell()))),
        "weights-mismatch",
    ),
}
"""Files that may be read as what they are, since nothing in them is used as a path or run."""


def container_entries() -> Iterator[Entry]:
    """All of them."""
    for name, data in CODE.items():
        expected = frozenset({"unsafe-pickle", "file-type"})
        yield Entry("pickles with code", name, content(data), expected)
    for name, build in REFUSED_TYPES.items():
        yield Entry(
            *("files of other programs", name, build, frozenset({"file-type"})),
            costly="bomb" in name,
        )
    for name, build in DAMAGED.items():
        yield Entry("archives", name, build, frozenset({"damaged-file"}))
    for name, (build, expected_id) in HARMLESS.items():
        yield Entry("archives", name, build, frozenset({expected_id}))
