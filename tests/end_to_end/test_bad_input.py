"""What cannot be used gets one line on stderr and exit code 2, and nothing is written."""

import os
import pickle
from importlib.resources import files

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

BUNDLED = str(files("models_zoo") / "checkpoints" / "digits" / "mlp-standard.safetensors")
MODEL = "digits/mlp-standard"


class Hostile:
    """Creates a file when it is unpickled."""

    def __reduce__(self):
        return os.system, ("touch executed",)


@pytest.fixture
def inputs(tmp_path):
    """Broken checkpoints and archives in the working folder."""
    weights = load_file(BUNDLED)
    name = next(iter(weights))
    content = files("models_zoo").joinpath("checkpoints/digits/mlp-standard.safetensors")
    (tmp_path / "truncated.safetensors").write_bytes(content.read_bytes()[:5000])
    save_file({f"{k}.other": v for k, v in weights.items()}, tmp_path / "keys.safetensors")
    save_file(weights | {name: torch.zeros(2, 3)}, tmp_path / "shapes.safetensors")
    save_file(
        weights | {name: torch.full_like(weights[name], torch.nan)}, tmp_path / "nan.safetensors"
    )
    torch.save({"weights": Hostile()}, tmp_path / "hostile.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Hostile()))
    x, y = np.zeros((6, 1, 8, 8), np.uint8), np.zeros(6, np.int64)
    np.savez(tmp_path / "shape.npz", x=x[:, 0], y=y)
    np.savez(tmp_path / "size.npz", x=np.zeros((6, 3, 32, 32), np.uint8), y=y)
    np.savez(tmp_path / "float.npz", x=x.astype(np.float32), y=y)
    np.savez(tmp_path / "short.npz", x=x, y=y[:5])
    np.savez(tmp_path / "labels.npz", x=x, y=y + 10)
    np.savez(tmp_path / "objects.npz", x=np.array([Hostile()] * 6, dtype=object), y=y)
    (tmp_path / "text.npz").write_text("no archive")
    (tmp_path / "folder").mkdir()
    return sorted(path.name for path in tmp_path.iterdir())


def foreign(file, architecture="mlp"):
    options = ["--architecture", architecture, "--battery", "digits-v1"]
    return ["bench", "--checkpoint", file, *options]


def submit(file, name="mine", **options):
    given = {"dataset": "digits", "architecture": "mlp"} | options
    extra = [part for key, value in given.items() for part in (f"--{key}", value)]
    return ["submit", file, "--name", name, *extra]


CASES = {
    "missing checkpoint": (foreign("none.safetensors"), "none.safetensors"),
    "truncated checkpoint": (foreign("truncated.safetensors"), "truncated"),
    "wrong keys": (foreign("keys.safetensors"), "linear1.bias"),
    "wrong shapes": (foreign("shapes.safetensors"), "2x3"),
    "NaN weights": (foreign("nan.safetensors"), "NaN"),
    "pickle with objects": (foreign("hostile.pt"), "refused"),
    "bare pickle": (foreign("bare.pt"), "refused"),
    "unknown architecture": (foreign(BUNDLED, "mpl"), "did you mean 'mlp'"),
    "checkpoint without architecture": (["bench", "--checkpoint", BUNDLED], "--battery"),
    "mean that is no number": ([*foreign(BUNDLED), "--mean", "a,b"], "--mean 'a,b'"),
    "too many means": ([*foreign(BUNDLED), "--mean", "0,0"], "mean"),
    "deviation of zero": ([*foreign(BUNDLED), "--std", "0"], "std"),
    "images without channels": (["bench", MODEL, "--data", "shape.npz"], "shape.npz"),
    "images of another size": (["bench", MODEL, "--data", "size.npz"], "(3, 32, 32)"),
    "images that are not bytes": (["bench", MODEL, "--data", "float.npz"], "float32"),
    "too few labels": (["bench", MODEL, "--data", "short.npz"], "6 images but 5 labels"),
    "labels out of range": (["bench", MODEL, "--data", "labels.npz"], "0 to 9"),
    "objects in the archive": (["bench", MODEL, "--data", "objects.npz"], "objects.npz"),
    "no archive": (["bench", MODEL, "--data", "text.npz"], "text.npz"),
    "unknown device": (["bench", MODEL, "--device", "cuba"], "device 'cuba' cannot be used"),
    "missing data": (["bench", MODEL, "--data", "none.npz"], "none.npz"),
    "unknown battery": (["bench", "--battery", "digit-v1"], "did you mean 'digits-v1'"),
    "unknown probe": (["bench", MODEL, "--probe", "inputs"], "did you mean 'input'"),
    "unknown model": (["bench", "digits/mlp-standart"], "did you mean 'digits/mlp-standard'"),
    "another data set's battery": (["bench", MODEL, "--battery", "cifar10-linf-v1"], "digits"),
    "no examples": (["bench", MODEL, "--examples", "0"], "0 examples"),
    "fewer than no examples": (["bench", MODEL, "--examples", "-3"], "-3 examples"),
    "more examples than there are": (["bench", MODEL, "--examples", "601"], "1 to 600"),
    "unwritable database": (["bench", MODEL, "--database", "folder"], "folder"),
    "database in no folder": (["bench", MODEL, "--database", "none/a.sqlite"], "none/a.sqlite"),
    "json in no folder": (["bench", MODEL, "--json", "none/r.json"], "none/r.json"),
    "submit: pickle with objects": (submit("hostile.pt"), "refused"),
    "submit: a zoo name": (submit(BUNDLED, MODEL), "model of the zoo"),
    "submit: unknown device": (submit(BUNDLED, device="cuba"), "device 'cuba' cannot be used"),
    "submit: NaN weights": (submit("nan.safetensors"), "NaN"),
    "submit: unknown data set": (submit(BUNDLED, dataset="digit"), "did you mean 'digits'"),
    "submit: no better than chance": (submit(BUNDLED, mean="-2"), "not above chance"),
    "submit: no address": (submit(BUNDLED, paper="here"), "--paper"),
}


@pytest.mark.parametrize(("arguments", "expected"), CASES.values(), ids=CASES)
def test_one_line_and_nothing_written(inputs, here, tmp_path, arguments, expected):
    code, out, err = here(*arguments)
    assert code == 2
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1, err
    assert expected in err
    assert out == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == inputs


def test_a_process_of_its_own_does_the_same(inputs, forks, tmp_path):
    result = forks.run(*submit("hostile.pt"), folder=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == inputs
