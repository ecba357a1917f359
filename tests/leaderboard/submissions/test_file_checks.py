"""A file that is no checkpoint is refused by its content, in milliseconds and with a way out."""

import io
import json
import pickle
import struct
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies
from safetensors.torch import save

from leaderboard.submissions.file_kind import kind_of
from models_zoo.checkpoint import FileBytes
from tests.leaderboard.submissions.conftest import SAID, ids, moved


def saved(content, **options):
    stream = io.BytesIO()
    torch.save(content, stream, **options)
    return stream.getvalue()


def zipped(*names, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name in names:
            archive.writestr(name, b"\0" * 100)
    return stream.getvalue()


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("../weights.pt"))
    return stream.getvalue()


def arrays():
    stream = io.BytesIO()
    np.savez(stream, w=np.zeros(3))
    return stream.getvalue()


def array():
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


OTHERS = {
    "HDF5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "Keras", "tf2onnx.convert.from_keras"),
    "Keras 3": (zipped("config.json", "model.weights.h5"), "Keras", "tf2onnx.convert.from_keras"),
    "SavedModel": (b"\x08\x01" + field(2, b"\0" * 20), "SavedModel", "--saved-model"),
    "packed SavedModel": (zipped("m/saved_model.pb"), "SavedModel", "--saved-model"),
    "frozen graph": (field(1, b"\x0a\x01x") * 2, "TensorFlow graph", "--graphdef"),
    "TFLite": (b"\x1c\0\0\0TFL3" + b"\0" * 32, "Lite", "--tflite"),
    "NumPy": (array(), ".npy", "state_dict"),
    "NumPy arrays": (arrays(), ".npz", "state_dict"),
    "GGUF": (b"GGUF\3\0\0\0" + b"\0" * 32, "GGUF", "quantized"),
    "TorchScript": (zipped("net/data.pkl", "net/code/a.py"), "TorchScript", "torch.onnx.export"),
    "pt2": (zipped("net/archive_format", "net/models/m.json"), ".pt2", "torch.onnx.export"),
    "pickle": (pickle.dumps({"a": print}), "a pickle", "state_dict"),
    "other zip": (zipped("a/b.txt"), "zip archive", "unpack"),
    "gzip": (b"\x1f\x8b\x08" + b"\0" * 32, "gzip", "unpack"),
    "tar": (tarred(), "tar", "unpack"),
    "web page": (b"\n<!DOCTYPE html><html>log in</html>", "web page", "download"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", "LFS", "git lfs pull"),
    "program": (b"\x7fELF\2\1\1", "a program", "download"),
    "JSON": (b'{"a": 1}', "JSON", "download"),
    "text": (b"print('hello')\n", "text", "download"),
    "zeros": (b"\0" * 4096, "zeros", "download"),
    "noise": (np.random.default_rng(0).bytes(4096), "unknown", "ONNX"),
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("name", ["net.safetensors", "net.onnx"])
def test_another_kind_of_file_is_named_with_the_way_to_convert_it(check, kind, name):
    content, called, how = OTHERS[kind]
    verdict = check(content, name=name)
    assert ids(verdict) == ["file-type"]
    (found,) = verdict.findings
    assert called in found.saw
    assert how in found.fix
    assert found.page == "docs/submitting.md#file-type"
    assert verdict.facts.format is None
    assert verdict.left_out["unsafe-pickle"] == "not reached after file-type"


def header(fields, numbers=b""):
    text = json.dumps(fields).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


class Evil:
    def __reduce__(self):
        return print, ("executed",)


def flipped(content, number):
    place = content.index(4 * number)
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


FAULTS = {
    "empty": (b"", "file-size"),
    "beyond the file": (header({"a": tensor([4], 0, 16)}), "damaged-file"),
    "overlapping": (
        header({"a": tensor([1], 0, 4), "b": tensor([1], 0, 4)}, b"1234"),
        "damaged-file",
    ),
    "negative": (header({"a": tensor([-1], 0, 4)}, b"1234"), "damaged-file"),
    "huge": (header({"a": tensor([1 << 40, 1 << 40], 0, 4)}, b"1234"), "damaged-file"),
    "long header": (struct.pack("<Q", 1 << 60) + b"{}", "damaged-file"),
    "cut off": (saved({"a": torch.zeros(99)})[:-200], "damaged-file"),
    "compressed": (zipped("a/data.pkl", "a/data/0", method=zipfile.ZIP_DEFLATED), "damaged-file"),
    "flipped bit": (flipped(saved({"a": torch.full((99,), 7.0)}), b"\0\0\xe0@"), "damaged-file"),
    "whole model": (saved(torch.nn.Linear(2, 2)), "unsafe-pickle"),
    "code": (saved({"a": Evil()}), "unsafe-pickle"),
    "old code": (saved({"a": Evil()}, _use_new_zipfile_serialization=False), "unsafe-pickle"),
    "no tensors": (saved({"a": 1}), "weights-choice"),
    "two sets": (saved({"a": {"w": torch.ones(2)}, "b": {"w": torch.ones(2)}}), "weights-choice"),
    "sparse": (saved({"a": torch.eye(3).to_sparse()}), "unusable-tensors"),
    "complex": (save({"a": torch.zeros(2, dtype=torch.complex64)}), "unusable-tensors"),
    "repeated": (saved({"a": torch.zeros(1).expand(1 << 40)}), "declared-size"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_file_is_found(check, capsys, fault):
    content, expected = FAULTS[fault]
    verdict = check(content)
    assert ids(verdict) == [expected], verdict.findings
    assert not verdict.accepted
    assert "executed" not in capsys.readouterr().out


UNREADABLE = {
    "JSON": struct.pack("<Q", 9) + b"{nonsense",
    "UTF-8": struct.pack("<Q", 6) + b'{"\xff":1',
    "directory": saved({"a": torch.zeros(9)}).replace(b"PK\x05\x06\0\0\0\0\x05", b"PK\x05\x06")[
        :-1
    ],
    "pickle": saved({"a": torch.zeros(9)}, _use_new_zipfile_serialization=False)[:60],
}


@pytest.mark.parametrize("content", UNREADABLE.values(), ids=UNREADABLE)
def test_what_a_library_says_about_damage_is_put_into_words(check, content):
    """Errors of ``json``, ``struct`` or ``pickletools`` mean nothing to a submitter."""
    (found,) = check(content).findings
    assert found.id == "damaged-file"
    assert "it cannot be followed to its end" in found.saw


def test_messages_have_the_submitter_s_name_of_the_file_and_not_the_server_s_path(check, tmp_path):
    for content in (b"", zipped("a/data.pkl"), b"hello"):
        (found,) = check(content, name="net.pt").findings
        assert "net.pt" in found.saw
        assert str(tmp_path) not in found.saw


@pytest.mark.parametrize("first", [b"<", b"{", b"P", b"\x80"])
def test_any_length_of_a_header_is_one_of_safetensors(first):
    """The format pads headers to 8 bytes, and not every writer does."""
    text = json.dumps({"w": tensor([1], 0, 4)}).encode()
    content = struct.pack("<Q", first[0] + 256) + text.ljust(first[0] + 256) + bytes(4)
    assert kind_of(FileBytes(Path("x"), content, "")).format == "safetensors"
    assert kind_of(FileBytes(Path("x"), b"<script>{}</script>", "")).format is None


def test_the_name_of_a_file_does_not_count(check, weights):
    """It is read as what it is, and the submitter is told."""
    content = moved(weights)
    for stored, name in ((save(content), "net.onnx"), (saved(content), "net.safetensors")):
        verdict = check(stored, name=name)
        assert verdict.accepted
        assert ids(verdict) == ["file-name"]
    old = saved(content, _use_new_zipfile_serialization=False)
    assert check(old, name="a\x1b[31m/net.pt").facts.format == "legacy"


def test_a_file_that_is_refused_costs_no_import_of_pytorch(tmp_path):
    """A stranger's file is looked at before seconds are spent on it."""
    path = tmp_path / "net"
    path.write_bytes(saved({"a": Evil()}))
    code = (
        "import sys, json\n"
        "from pathlib import Path\n"
        "from leaderboard.submissions.validation import validate\n"
        f"found = validate({{'description': {SAID!r}}}, {{'checkpoint': Path({str(path)!r})}})\n"
        "print(json.dumps([found['findings'][0]['id'], 'torch' in sys.modules]))"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["unsafe-pickle", False]
    assert time.perf_counter() - start < 20


@pytest.fixture(scope="module")
def whole(weights):
    """The same weights in three formats."""
    content = moved(weights)
    old = saved(content, _use_new_zipfile_serialization=False)
    return [save(content), saved(content), old]


@hypothesis.settings(max_examples=60, suppress_health_check=[*hypothesis.HealthCheck])
@hypothesis.given(data=strategies.data())
def test_any_damage_ends_in_a_verdict(check, whole, data):
    """Bytes of the header are changed, cut out or repeated; nothing is raised."""
    content = data.draw(strategies.sampled_from(whole))
    place = data.draw(strategies.integers(0, 1500))
    length = data.draw(strategies.integers(0, 40))
    new = data.draw(strategies.binary(max_size=40) | strategies.just(content[: place + 1]))
    verdict = check(content[:place] + new + content[place + length :], examples=20)
    assert verdict.made[0] == "file-size"


@hypothesis.given(content=strategies.binary(max_size=300))
def test_every_file_has_a_kind(content):
    kind = kind_of(FileBytes(Path("x"), content, ""))
    assert kind.name
