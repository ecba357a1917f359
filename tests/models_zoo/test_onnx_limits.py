"""What a stranger's ONNX file may ask for, and what is said of a file that cannot be used."""

import random
import resource
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models_zoo import InputError, load_model
from tests.hostile_files.graphs import LARGE, WEIGHT, WRONG, model, node, numbers


@pytest.fixture
def refusal(tmp_path):
    def refuse(content):
        path = tmp_path / "net.onnx"
        path.write_bytes(content)
        began = time.process_time()
        with pytest.raises(InputError) as refused:
            load_model(str(path))
        assert time.process_time() - began < 10
        message = str(refused.value)
        assert message.isprintable()
        assert len(message) < 700
        assert "net.onnx" in message
        return message

    return refuse


@pytest.mark.parametrize("made", LARGE.values(), ids=LARGE)
def test_a_small_file_takes_no_more_memory_than_it_is_given(refusal, made):
    refusal(made.SerializeToString())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refusal(made.SerializeToString())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 2**20  # KiB, so 1 GiB
    assert peak < 4 * 2**20


@pytest.mark.parametrize(("made", "reason"), WRONG.values(), ids=WRONG)
def test_the_message_names_the_cause(refusal, made, reason):
    message = refusal(made.SerializeToString())
    assert reason in message
    assert "or lower" not in message


@pytest.mark.parametrize(
    "content",
    [
        b"\x12\x00" * 1_500_000,
        b"\x3a\x80\x80\x80\x01" + b"\x0a\x00" * 2**20,
        b"\x3a\xff\xff\xff\xff\x0f",
        b"\x08" + b"\xff" * 100,
        b"PK\x03\x04",
        b"\x80\x04\x95",
        b"<!doctype html>",
        b"version https://git-lfs.github.com/spec/v1\n",
        b'{"a": 1}',
        b"\x20\x00\x00\x00\x00\x00\x00\x00{",
        b"GIF89a",
        b"",
        b"\x00" * 99,
        b"\x0b" * 99,
    ],
)
def test_another_file_is_refused_before_it_is_parsed(refusal, content):
    refusal(content)


def test_the_limit_can_be_raised(tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    onnx.save(
        model(
            node("Tile", "images s", "t"),
            node("ReduceSum", "t axes", "x"),
            initializers=[numbers("s", 1, 2, 1, 1), numbers("axes", 1)],
        ),
        path,
    )
    load_model(str(path))
    monkeypatch.setenv("NONSINGULAR_NETWORK_BYTES", "1000")
    with pytest.raises(InputError, match="may hold while it is examined"):
        load_model(str(path))
    monkeypatch.setenv("NONSINGULAR_NETWORK_BYTES", "1GiB")
    load_model(str(path))
    monkeypatch.setenv("NONSINGULAR_NETWORK_BYTES", "much")
    with pytest.raises(InputError, match="NETWORK_BYTES='much' is not a size; give one"):
        load_model(str(path))


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE, TensorProto.BFLOAT16])
def test_another_precision_is_scored_in_single(tmp_path, kind):
    made = model(kind=kind)
    weight = made.graph.initializer[0]
    weight.CopyFrom(helper.make_tensor("w", kind, WEIGHT.shape, WEIGHT.ravel().tolist()))
    made.graph.output[0].type.tensor_type.elem_type = kind
    onnx.save(made, tmp_path / "net.onnx")
    loaded = load_model(str(tmp_path / "net.onnx"))
    (moved,) = loaded.parameters()
    assert np.allclose(moved.T, WEIGHT, rtol=1e-2)


def test_damage_leads_to_a_network_or_to_one_line(tmp_path):
    path = tmp_path / "net.onnx"
    content = LARGE["pad"].SerializeToString(), model().SerializeToString()
    draw = random.Random(0)  # noqa: S311
    for trial in range(200):
        damaged = bytearray(content[trial % 2])
        for _ in range(draw.choice((1, 1, 2, 8))):
            damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            load_model(f"{path}?shape=1x8x8")
        except InputError as error:
            assert str(error).isprintable()  # noqa: PT017
