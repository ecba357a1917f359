"""What is read as weights, and what is refused without being run."""

import json
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models_zoo import InputError, read_weights, save_weights
from models_zoo.checkpoint import sha256_file

WEIGHTS = {"linear.weight": torch.arange(6.0).reshape(2, 3), "linear.bias": torch.ones(2)}


class Creates:
    """A pickle of this creates a file when it is loaded unsafely."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin"])
@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
def test_files_of_torch_save_are_read(tmp_path, suffix, new):
    path = tmp_path / f"a{suffix}"
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=new)
    assert same(read_weights(path), WEIGHTS)


def test_safetensors_are_read_and_told_by_content_not_by_name(tmp_path):
    for name in ("a.safetensors", "a.bin"):
        save_file(WEIGHTS, tmp_path / name)
        assert same(read_weights(tmp_path / name), WEIGHTS)


@pytest.mark.parametrize("key", ["state_dict", "model", "net"])
def test_weights_are_taken_out_of_a_training_script_s_nesting(tmp_path, key):
    torch.save({"epoch": 3, "acc": 91.5, key: WEIGHTS}, tmp_path / "a.pt")
    assert same(read_weights(tmp_path / "a.pt"), WEIGHTS)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floating_point_weights_become_float32_and_counters_stay(tmp_path, dtype):
    content = {"w": torch.tensor([0.5, -2.0], dtype=dtype), "count": torch.tensor(7)}
    torch.save(content, tmp_path / "a.pt")
    weights = read_weights(tmp_path / "a.pt")
    assert weights["w"].dtype == torch.float32
    assert weights["w"].tolist() == [0.5, -2.0]
    assert weights["count"].dtype == torch.int64


@pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("place", ["alone", "beside weights"])
def test_a_pickle_that_would_run_code_is_refused_by_name_and_not_run(tmp_path, new, place):
    witness = tmp_path / "witness"
    evil = Creates(witness)
    content = evil if place == "alone" else {"state_dict": WEIGHTS, "extra": evil}
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=new)
    with pytest.raises(InputError, match=r"refused.*(posix|os)\.system.*not loaded"):
        read_weights(tmp_path / "a.pt")
    assert not witness.exists()
    torch.load(tmp_path / "a.pt", weights_only=False)  # the file really is what it says
    assert witness.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_a_bare_pickle_is_refused_by_name_and_not_run(tmp_path, protocol):
    witness = tmp_path / "witness"
    (tmp_path / "a.pt").write_bytes(pickle.dumps(Creates(witness), protocol=protocol))
    with pytest.raises(InputError) as refusal:
        read_weights(tmp_path / "a.pt")
    assert not witness.exists()
    if protocol >= 2:
        assert "posix.system" in str(refusal.value)


def test_a_whole_pickled_module_is_refused(tmp_path):
    torch.save(torch.nn.Linear(3, 2), tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"torch\.nn\.modules\.linear\.Linear"):
        read_weights(tmp_path / "a.pt")


def test_a_numpy_array_is_refused(tmp_path):
    torch.save({"w": np.ones(3)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="refused"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize("content", [3, [WEIGHTS], {}, torch.ones(2), {"w": "text"}, {1: 2}])
def test_what_is_not_named_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"state_dict\(\)"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize("suffix", [".pkl", ".pickle", ".pt2", ".onnx"])
def test_formats_that_carry_code_are_refused_by_their_ending(tmp_path, suffix):
    (tmp_path / f"a{suffix}").write_bytes(b"\x80\x04N.")
    with pytest.raises(InputError, match="is refused"):
        read_weights(tmp_path / f"a{suffix}")


def test_a_torchscript_program_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"a/{name}", b"x")
    with pytest.raises(InputError, match="TorchScript"):
        read_weights(tmp_path / "a.pt")


def test_an_exported_program_is_refused_under_any_name(tmp_path):
    program = torch.export.export(torch.nn.Linear(3, 2), (torch.ones(1, 3),))
    torch.export.save(program, tmp_path / "a.pt2")
    (tmp_path / "a.pt2").rename(tmp_path / "a.pt")
    with pytest.raises(InputError, match="exported program"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b"just some text", "neither safetensors nor"),
    ],
)
def test_what_is_not_a_checkpoint_is_said(tmp_path, content, reason):
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_weights(tmp_path / "a.pt")


def test_a_missing_file_and_a_directory_are_said(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_weights(tmp_path / "none.pt")
    with pytest.raises(InputError, match="is not a file"):
        read_weights(tmp_path)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_said_to_be_damaged(tmp_path, kind, kept):
    path = tmp_path / ("a.safetensors" if kind == "safetensors" else "a.pt")
    weights = {"w": torch.rand(1000)}
    if kind == "safetensors":
        save_file(weights, path)
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(InputError, match="truncated"):
        read_weights(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, value):
    save_file(
        {"fine": torch.ones(2), "bad": torch.tensor([1.0, value])}, tmp_path / "a.safetensors"
    )
    with pytest.raises(InputError, match="NaN or infinite weights in 'bad'"):
        read_weights(tmp_path / "a.safetensors")


def test_a_weight_too_large_for_float32_is_refused(tmp_path):
    torch.save({"w": torch.tensor([1e300], dtype=torch.float64)}, tmp_path / "a.pt")
    with pytest.raises(InputError, match="infinite weights in 'w'"):
        read_weights(tmp_path / "a.pt")


@pytest.mark.parametrize(
    "tensor", [torch.ones(2, dtype=torch.complex64), torch.ones(2, 2).to_sparse()]
)
def test_complex_and_sparse_tensors_are_refused(tmp_path, tensor):
    torch.save({"w": tensor}, tmp_path / "a.pt")
    with pytest.raises(InputError, match=r"stores 'w' as a .*sparse tensor"):
        read_weights(tmp_path / "a.pt")


def test_every_message_is_one_line(tmp_path):
    for content in (b"PK\x03\x04rubbish", b"\x80\x02rubbish", b"12345678{rubbish"):
        (tmp_path / "a.pt").write_bytes(content)
        with pytest.raises(InputError) as refusal:
            read_weights(tmp_path / "a.pt")
        assert "\n" not in str(refusal.value)


def test_written_weights_come_back_and_equal_weights_give_equal_files(tmp_path):
    network = torch.nn.BatchNorm2d(3)
    for name in ("a.safetensors", "b.safetensors"):
        save_weights(network, tmp_path / name)
    assert same(read_weights(tmp_path / "a.safetensors"), dict(network.state_dict()))
    assert sha256_file(tmp_path / "a.safetensors") == sha256_file(tmp_path / "b.safetensors")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.safetensors", "b.safetensors"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    network = torch.nn.Linear(2, 2)
    (tmp_path / "a.safetensors").write_bytes(b"old")
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "full"))
    )
    with pytest.raises(InputError, match="cannot write"):
        save_weights(network, tmp_path / "a.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    assert (tmp_path / "a.safetensors").read_bytes() == b"old"


@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_a_name_with_half_of_a_surrogate_pair_is_refused_in_one_line(tmp_path, kind):
    path = tmp_path / "weights"
    if kind == "torch":
        torch.save({"\ud800": torch.ones(2)}, path)
    else:
        fields = {"\udc00": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
        header = json.dumps(fields).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(InputError, match="half of a surrogate pair") as refused:
        read_weights(path)
    assert str(refused.value).isprintable()
