"""Files as attackers and accidents make them: each is refused in a line, quickly, or read right."""

import argparse
import collections
import datetime
import random
import resource
import time
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save

from models_zoo import InputError, load_file, read_weights
from models_zoo.checkpoint import read_checkpoint
from tests.hostile_files.checkpoints import REFUSED, WITNESS


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_in_one_line_within_seconds_and_runs_nothing(
    tmp_path, monkeypatch, name
):
    monkeypatch.chdir(tmp_path)
    suffix = ".safetensors" if name.startswith("safetensors") else ".pt"
    path = tmp_path / f"net{suffix}"
    REFUSED[name](path)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(InputError) as refusal:
        read_weights(path)
    with pytest.raises(InputError):
        load_file(path, architecture="mlp", dataset="digits", input_shape=(1, 8, 8))
    text = str(refusal.value)
    assert text.isprintable()
    assert len(text) < 700
    assert not Path(WITNESS).exists()
    assert time.process_time() - start < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000


WEIGHTS = {
    "plain": torch.arange(6.0).reshape(2, 3),
    "half": torch.tensor([0.5, -2.0]).half(),
    "brain": torch.tensor([0.5, -2.0]).bfloat16(),
    "double": torch.tensor([0.5, -2.0]).double(),
    "eight bits": torch.tensor([0.5, -2.0]).to(torch.float8_e4m3fn),
    "eight bits, wide": torch.tensor([0.5, -2.0]).to(torch.float8_e5m2),
    "counter": torch.tensor(7),
    "flags": torch.tensor([True, False]),
    "bytes": torch.tensor([1, 255], dtype=torch.uint8),
    "short": torch.tensor([-3], dtype=torch.int16),
    "number": torch.tensor(0.25),
    "nothing": torch.empty(0, 3),
    "transposed": torch.arange(6.0).reshape(2, 3).t(),
    "every second": torch.arange(8.0)[1::2],
    "expanded": torch.tensor([2.0]).expand(3, 4),
    "parameter": torch.nn.Parameter(torch.ones(2)),
    "buffer": torch.nn.Buffer(torch.ones(2)),
    "channels last": torch.rand(1, 3, 2, 2).to(memory_format=torch.channels_last),
}
SHARED = torch.arange(10.0)
WEIGHTS |= {"front": SHARED[:4], "back": SHARED[4:], "whole": SHARED}


def wanted(value):
    value = value.detach()
    return (value.float() if value.is_floating_point() else value).contiguous()


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_tensors_of_every_kind_are_read_as_pytorch_reads_them(tmp_path, new, protocol):
    options = {"_use_new_zipfile_serialization": new, "pickle_protocol": protocol}
    torch.save(WEIGHTS, tmp_path / "a.pt", **options)
    found = read_weights(tmp_path / "a.pt")
    assert found.keys() == WEIGHTS.keys()
    for name, value in WEIGHTS.items():
        assert torch.equal(found[name], wanted(value)), name
        assert found[name].is_contiguous()
    found["front"].zero_()
    assert found["whole"][1] == 1  # every weight has memory of its own


BESIDE = {
    "epoch": 3,
    "best": np.float64(0.91),
    "array": np.ones(3),
    "arguments": argparse.Namespace(lr=0.1, nested=argparse.Namespace(x=[1, 2])),
    "settings": types.SimpleNamespace(eps=8 / 255),
    "when": datetime.datetime(2024, 1, 2),
    "folder": Path("runs"),
    "counter": collections.Counter("abc"),
    "table": collections.defaultdict(list, {1: [2]}),
    "set": {1, 2},
    "complex": 1j,
    "bytes": b"abc",
    "none": None,
    "device": torch.device("cpu"),
    "type": torch.float32,
    "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]},
    "big": 1 << 80,
    "pytorch-lightning_version": "2.2.0",
}


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("key", BESIDE)
def test_what_training_scripts_keep_beside_the_weights_is_passed_over(tmp_path, key, new):
    content = {key: BESIDE[key], "state_dict": {"w": torch.ones(2)}}
    torch.save(content, tmp_path / "a.ckpt", _use_new_zipfile_serialization=new)
    found = read_checkpoint(tmp_path / "a.ckpt")
    assert list(found.tensors) == ["w"]
    assert found.notes == ()


def damaged(content, rng):
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 4])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return changed if rng.random() < 0.85 else changed[: rng.randrange(len(changed))]


@pytest.mark.parametrize("kind", ["safetensors", "zip", "legacy", "legacy of protocol 5"])
def test_flipped_bits_are_refused_in_a_line_or_do_no_harm(tmp_path, kind):
    weights = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(3).half()}
    path = tmp_path / "a.bin"
    if kind == "safetensors":
        path.write_bytes(save(weights))
    else:
        options: dict[str, Any] = {"pickle_protocol": 5 if "5" in kind else 2}
        content = {"state_dict": weights, "epoch": 3, "losses": [0.1, 0.2]}
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip", **options)
    content, rng = path.read_bytes(), random.Random(kind)  # noqa: S311
    for _ in range(300):
        path.write_bytes(damaged(content, rng))
        try:
            found = read_weights(path)
        except InputError as error:
            assert str(error).isprintable()  # noqa: PT017
        else:  # the checksums of a zip archive cover all numbers and names
            if kind == "zip":
                assert all(torch.equal(found[key], wanted(weights[key])) for key in weights)
