"""Checkpoint files of which each must be refused in one line."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from tests.hostile_files.pickles import (
    archive,
    called,
    dict_of,
    named,
    number,
    pickle_of,
    storage,
    tensor,
    text,
    tuple_of,
)

Builder = Callable[[Path], None]

GOOD = archive(pickle_of(dict_of(w=tensor())))
WITNESS = "witness-of-code-that-ran"
SHELL = text(f"touch {WITNESS}")
SYSTEM = named("posix", "system")


def content(data: bytes) -> Builder:
    def build(path: Path) -> None:
        path.write_bytes(data)

    return build


def beside(part: bytes) -> Builder:
    """A good tensor beside something else."""
    return content(archive(pickle_of(dict_of(w=tensor(), other=part))))


def alone(part: bytes) -> Builder:
    return content(archive(pickle_of(dict_of(w=part))))


def saved(value: object, **options: Any) -> Builder:
    return lambda path: torch.save({"w": value}, path, **options)


def changed(data: bytes, find: bytes, put: bytes, which: int = 0) -> Builder:
    parts = data.split(find)
    return content(find.join(parts[: which + 1]) + put + find.join(parts[which + 1 :]))


def sparse(head: bytes, size: int = 10 << 30, tail: bytes = b"") -> Builder:
    """A file of 10 GB of which the disk holds only its ends."""

    def write(path: Path) -> None:
        with path.open("wb") as stream:
            stream.write(head)
            stream.seek(size - len(tail))
            stream.write(tail)
            stream.truncate(size)

    return write


def safetensors(header: object, numbers: bytes = b"", length: int | None = None) -> Builder:
    coded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return content(struct.pack("<Q", len(coded) if length is None else length) + coded + numbers)


def entry(dtype="F32", shape=(1,), offsets=(0, 4)) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def twice(name: str) -> bytes:
    buffer = io.BytesIO(GOOD)
    with zipfile.ZipFile(buffer, "a") as packed:
        packed.writestr(name, b"other")
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("pickle"))
    return buffer.getvalue()


def overlapping() -> bytes:
    """Two entries of the directory that share their numbers."""
    data = archive(pickle_of(dict_of(w=tensor())), {"0": bytes(16), "1": bytes(16)})
    first, second = (data.index(b"archive/data/" + key) - 30 for key in (b"0", b"1"))
    place = data.rindex(b"archive/data/1") - 4
    moved = data[:place] + struct.pack("<I", first) + data[place + 4 :]
    assert second != first
    return moved.replace(b"archive/data/1", b"archive/data/0", 1)


def nested(depth: int, leaf: bytes = b"N") -> bytes:
    return leaf + b"\x85" * depth


def doubled(depth: int) -> bytes:
    """A tuple of a tuple twice, and so on: small to write, endless to hash or print."""
    return b")" + b"q\x00h\x00\x86" * depth


CODE = {
    "called": called(SYSTEM, SHELL),
    "named only": SYSTEM,
    "by names on the stack": text("posix") + text("system") + b"\x93" + tuple_of(SHELL) + b"R",
    "instance": b"(" + SHELL + b"iposix\nsystem\n",
    "object": b"(" + SYSTEM + SHELL + b"o",
    "new object": SYSTEM + tuple_of(SHELL) + b"\x81",
    "new object with words": SYSTEM + tuple_of(SHELL) + b"}\x92",
    "state of an object": called(named("builtins", "object")) + called(SYSTEM, SHELL) + b"b",
    "eval": called(named("builtins", "eval"), text("1")),
    "old eval": called(named("__builtin__", "eval"), text("1")),
    "getattr": called(named("builtins", "getattr"), SYSTEM, text("x")),
    "extension": b"\x82\x01",
    "function of a tensor": called(
        named("torch._tensor", "_rebuild_from_type_v2"),
        SYSTEM,
        named("torch", "Tensor"),
        tuple_of(SHELL),
        b"N",
    ),
    "class of a tensor": called(
        named("torch._tensor", "_rebuild_from_type_v2"),
        named("torch._utils", "_rebuild_tensor_v2"),
        named("evil", "Tensor"),
        b")",
        b"N",
    ),
    "numpy's own shell": called(named("numpy.testing._private.utils", "runstring"), SHELL, b"}"),
    "torch.load": called(named("torch.serialization", "load"), SHELL),
    "torch.hub": called(named("torch.hub", "load"), SHELL, SHELL),
    "a class of torch": called(named("torch.nn.modules.linear", "Linear"), number(2), number(2)),
    "bytes that are a checkpoint": called(named("torch.storage", "_load_from_bytes"), text("x")),
    "dotted name": called(named("collections", "OrderedDict.__init__.__globals__"), SHELL),
    "persistent id": called(SYSTEM, SHELL) + b"Q",
    "key": b"}" + called(SYSTEM, SHELL) + b"Ns",
    "hook": called(
        named("torch._utils", "_rebuild_parameter"), tensor(), b"\x88", called(SYSTEM, SHELL)
    ),
}

REFUSED: dict[str, Builder] = {
    **{f"code: {name}": beside(part) for name, part in CODE.items()},
    **{f"code alone: {name}": alone(part) for name, part in list(CODE.items())[:4]},
    "code in a bare pickle": content(pickle_of(called(SYSTEM, SHELL))),
    "code in a legacy file": content(pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle_of(SYSTEM)),
    "empty": content(b""),
    "one byte": content(b"\x80"),
    "zeros": content(bytes(4096)),
    "text": content(b"hello"),
    "web page": content(b"<html>"),
    "tar": content(tar()),
    "gzip": content(b"\x1f\x8b\x08" + bytes(600)),
    "zip without directory": content(GOOD[:-40]),
    "zip with something behind it": content(GOOD + b"x"),
    "zip with something before it": content(b"PK\x03\x04junk" + GOOD),
    "zip whose directory is moved": changed(GOOD, b"PK\x01\x02", b"PK\x09\x09", 0),
    "zip of one part": content(archive(b"", {})),
    "zip with a part twice": content(twice("archive/data.pkl")),
    "zip with numbers twice": content(twice("archive/data/0")),
    "zip with overlapping parts": content(overlapping()),
    "zip packed": content(
        archive(pickle_of(dict_of(w=tensor())), {"0": bytes(1 << 24)}, zipfile.ZIP_DEFLATED)
    ),
    "zip packed otherwise": content(
        archive(pickle_of(dict_of(w=tensor())), {"0": bytes(1 << 20)}, zipfile.ZIP_LZMA)
    ),
    "zip with wrong numbers": content(GOOD.replace(struct.pack("<f", 3), struct.pack("<f", 5))),
    "zip with a wrong pickle": content(GOOD.replace(b"_rebuild_tensor_v2", b"_rebuild_tensor_v3")),
    "zip of big-endian numbers": content(archive(pickle_of(dict_of(w=tensor())), byteorder=b"big")),
    "zip with a count of parts": content(GOOD[:-12] + b"\xff\xff\xff\xff" + GOOD[-8:]),
    "not a dictionary": content(archive(pickle_of(b"K\x01"))),
    "a list": content(archive(pickle_of(b"]" + tensor() + b"a"))),
    "no tensors": content(archive(pickle_of(dict_of(w=b"K\x01")))),
    "itself": content(archive(pickle_of(b"}q\x00" + text("state_dict") + b"h\x00s"))),
    "repeated numbers": alone(tensor((10**5, 10**5), (0, 0))),
    "repeated rows": alone(tensor((10**10, 4), (0, 1))),
    "negative size": alone(tensor((-4,), (1,))),
    "negative stride": alone(tensor((4,), (-1,))),
    "negative offset": alone(tensor(offset=-1)),
    "beyond its numbers": alone(tensor((5,), (1,))),
    "stride beyond its numbers": alone(tensor((4,), (1 << 40,))),
    "offset beyond its numbers": alone(tensor(offset=1)),
    "size of 2^62": alone(tensor((1 << 62,), (1,))),
    "size of 2^2000": alone(tensor((1 << 2000,), (1,))),
    "sizes whose product is 2^120": alone(tensor((1 << 60, 1 << 60), (0, 0))),
    "hundred dimensions": alone(tensor((1,) * 100, (1,) * 100)),
    "more strides than sizes": alone(tensor((4,), (1, 1))),
    "size that is a text": alone(
        called(named("torch._utils", "_rebuild_tensor_v2"), storage(), number(0), text("4"), b")")
    ),
    "tensor without arguments": alone(called(named("torch._utils", "_rebuild_tensor_v2"))),
    "parameter of nothing": alone(called(named("torch._utils", "_rebuild_parameter"), b"N")),
    "numbers of a missing part": alone(tensor(numbers=storage(key="7"))),
    "more numbers than there are": alone(tensor(numbers=storage(numel=1 << 40))),
    "negative count of numbers": alone(tensor(numbers=storage(numel=-4))),
    "part of another folder": alone(tensor(numbers=storage(key="../data.pkl"))),
    "unknown storage": alone(tensor(numbers=storage("EvilStorage"))),
    "nested tuples": alone(nested(200_000)),
    "nested lists": content(archive(pickle_of(b"]" * 100_000 + b"a" * 99_999))),
    "endless key": content(archive(pickle_of(b"}" + doubled(60) + b"Ns"))),
    "endless value": alone(doubled(60)),
    "memo of 2^31": content(archive(pickle_of(b"}r\xff\xff\xff\x7f"))),
    "text of 4 GB": content(archive(pickle_of(b"X\xff\xff\xff\xffabc"))),
    "bytes of 2^60": content(archive(pickle_of(b"\x8e" + struct.pack("<Q", 1 << 60) + b"abc"))),
    "number of 2 GB": content(archive(pickle_of(b"\x8b\xff\xff\xff\x7fabc"))),
    "frame of 2^60": content(archive(pickle_of(b"\x95" + struct.pack("<Q", 1 << 60) + b"}"))),
    "two million steps": content(archive(pickle_of(b"N0" * 1_000_000 + b"}"))),
    "empty stack": content(archive(pickle_of(b"a"))),
    "mark alone": content(archive(pickle_of(b"("))),
    "no stop": content(archive(b"\x80\x02}")),
    "unknown step": content(archive(pickle_of(b"\xff"))),
    "complex": saved(torch.ones(2, dtype=torch.complex64)),
    "sparse": saved(torch.eye(3).to_sparse()),
    "compressed rows": saved(torch.eye(3).to_sparse_csr()),
    "meta": saved(torch.empty(3, device="meta")),
    "NaN": saved(torch.tensor([float("nan")])),
    "infinite": saved(torch.tensor([float("-inf")])),
    "too large for float32": saved(torch.tensor([1e300], dtype=torch.float64)),
    "a module": saved(torch.nn.Linear(2, 2)),
    "NumPy": lambda path: torch.save({"w": torch.ones(2).numpy()}, path),
    "bare pickle of a tensor": content(pickle.dumps({"w": torch.ones(2)})),
    "10 GB like a zip": sparse(b"PK\x03\x04"),
    "10 GB like an old file": sparse(b"\x80\x02"),
    "10 GB like safetensors": sparse(struct.pack("<Q", 60) + b"{" + b" " * 59),
    "10 GB of zeros": sparse(b""),
    "10 GB with a good header": sparse(
        struct.pack("<Q", 100)
        + json.dumps({"w": entry(shape=[1], offsets=[0, 4])}).encode().ljust(100)
    ),
    "safetensors: short": safetensors({}, length=100),
    "safetensors: header of 2^63": safetensors({}, length=1 << 63),
    "safetensors: no tensors": safetensors({}),
    "safetensors: metadata alone": safetensors({"__metadata__": {"a": "b"}}),
    "safetensors: a list": safetensors([1]),
    "safetensors: no JSON": safetensors(b"{nonsense"),
    "safetensors: not UTF-8": safetensors(b'{"\xff": 1}'),
    "safetensors: nested": safetensors(b'{"a":' * 100_000),
    "safetensors: long number": safetensors(b'{"a": ' + b"9" * 10_000 + b"}"),
    "safetensors: a name twice": safetensors(
        b'{"w": %s, "w": %s}' % ((json.dumps(entry()).encode(),) * 2), bytes(4)
    ),
    "safetensors: gap": safetensors({"w": entry(offsets=[4, 8])}, bytes(8)),
    "safetensors: overlap": safetensors({"w": entry(), "v": entry()}, bytes(4)),
    "safetensors: more bytes": safetensors({"w": entry()}, bytes(8)),
    "safetensors: fewer bytes": safetensors({"w": entry()}, bytes(2)),
    "safetensors: backwards": safetensors({"w": entry(offsets=[4, 0])}, bytes(4)),
    "safetensors: negative": safetensors({"w": entry(offsets=[-4, 0])}, bytes(4)),
    "safetensors: negative shape": safetensors({"w": entry(shape=[-1])}, bytes(4)),
    "safetensors: huge shape": safetensors({"w": entry(shape=[1 << 60, 1 << 60])}, bytes(4)),
    "safetensors: half a number": safetensors({"w": entry(shape=[1.5])}, bytes(4)),
    "safetensors: true as a size": safetensors({"w": entry(shape=[True])}, bytes(4)),
    "safetensors: unknown type": safetensors({"w": entry("F4")}, bytes(4)),
    "safetensors: no type": safetensors({"w": {"shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
    "safetensors: complex": safetensors({"w": entry("C64", [1], [0, 8])}, bytes(8)),
    "safetensors: hundred thousand empty dimensions": safetensors(
        {"w": entry(shape=[1] * 100_000)}, bytes(4)
    ),
    "safetensors: NaN": content(save({"w": torch.tensor([float("nan")])})),
    "safetensors: hostile name": content(save({"\x1b[2J\n" * 5000: torch.tensor([float("nan")])})),
}
"""Builders of files, each of which is refused."""
