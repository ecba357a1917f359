"""``nonsingular bench`` on models that are not of the zoo."""

import json
import shutil

import numpy as np
import pytest
import torch

from models_zoo import load_file, load_model

WONG = "robustbench:cifar10/Linf/Wong2020Fast"


@pytest.fixture(scope="module")
def exported(exporting, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    model = load_model("digits/mlp-standard")
    exporting.onnx(model, (1, 8, 8), folder / "net.onnx")
    exporting.program(model, (1, 8, 8), folder / "net.pt2")
    return folder


@pytest.fixture
def digits_net(exported, tmp_path):
    """A bundled model as ``net.onnx`` and as ``net.pt2`` in the working folder."""
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)


def scores(tmp_path, name):
    results = json.loads((tmp_path / "report.json").read_text())[name]["results"]
    return {probe: result["scores"] for probe, result in results.items()}


def quick(*arguments, examples=20):
    options = ("--probe", "clean", "--examples", examples, "--no-site", "--json", "report.json")
    return ("bench", *arguments, *options)


def test_robustbench_s_architecture_is_scored_from_a_file_in_its_cache(here, tmp_path):
    from robustbench.model_zoo import model_dicts
    from robustbench.model_zoo.enums import BenchmarkDataset, ThreatModel

    torch.manual_seed(0)
    entry = model_dicts[BenchmarkDataset.cifar_10][ThreatModel.Linf]["Wong2020Fast"]
    network = entry["model"]()
    folder = tmp_path / "models" / "cifar10" / "Linf"
    folder.mkdir(parents=True)
    torch.save(network.state_dict(), folder / "Wong2020Fast.pt")
    x = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), np.uint8)
    with torch.no_grad():
        y = network.eval()(torch.from_numpy(x).float() / 255).argmax(1)
    y[0] = (y[0] + 1) % 10
    np.savez(tmp_path / "x.npz", x=x, y=y.numpy())
    code, out, err = here(*quick(WONG, "--data", "x.npz", examples=4))
    assert code == 0, err
    accuracy = scores(tmp_path, WONG)["clean"]["accuracy"]
    assert (accuracy["value"], accuracy["n"]) == (0.75, 4)
    assert WONG in out


def test_without_file_and_network_it_says_what_was_tried(here, tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3, 32, 32), np.uint8), y=np.zeros(2, np.int64))
    code, out, err = here("bench", WONG, "--data", "x.npz")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: model '{WONG}'")
    assert len(err.splitlines()) == 1
    assert f"put it at {tmp_path}/models/cifar10/Linf/Wong2020Fast.pt" in err
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]


def test_an_onnx_file_needs_no_architecture(here, digits_net, tmp_path):
    found = []
    for arguments in (
        ("digits/mlp-standard",),
        ("--checkpoint", "net.onnx", "--battery", "digits-v1"),
        ("net.onnx", "--battery", "digits-v1"),
        ("net.onnx?dataset=digits",),
    ):
        code, _, err = here(*quick(*arguments))
        assert code == 0, err
        name = "digits/mlp-standard" if arguments[0].startswith("digits") else "net"
        found.append(scores(tmp_path, name))
    assert all(each == found[0] for each in found)


def test_an_exported_program_is_scored_only_where_it_is_trusted(here, digits_net, tmp_path):
    for arguments in (("net.pt2",), ("--checkpoint", "net.pt2")):
        code, out, err = here(*quick(*arguments, "--battery", "digits-v1"))
        assert (code, out) == (2, "")
        assert "can execute code" in err
        assert "--trust" in err
        assert len(err.splitlines()) == 1
        assert not (tmp_path / "nonsingular.sqlite").exists()
        code, _, err = here(*quick(*arguments, "--battery", "digits-v1", "--trust"))
        assert code == 0, err
        assert scores(tmp_path, "net")["clean"]["accuracy"]["n"] == 20
        (tmp_path / "nonsingular.sqlite").unlink()


def test_an_onnx_file_passes_the_checks_of_a_submission(digits_net, tmp_path):
    from benchmark.datasets import load_dataset
    from leaderboard.submissions.admission import admit

    model = load_file(tmp_path / "net.onnx", name="mine", dataset="digits", source="submitted")
    assert admit(model, load_dataset("digits").head(100)) > 0.9


def test_a_program_cannot_be_submitted(here, digits_net, tmp_path):
    command = ("submit", "net.pt2", "--name", "mine", "--dataset", "digits")
    code, _, err = here(*command)
    assert code == 2
    assert "can execute code" in err
    assert "--trust" not in err
    assert not (tmp_path / ".nonsingular").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("net.onnx",), "--battery"),
        (("net.onnx?dataset=cifar10", "--battery", "digits-v1"), "is for cifar10"),
        ((WONG, "--battery", "digits-v1"), "is for cifar10"),
        (("torchvision:resnet18", "--data-root", "none"), "put its images there"),
        (("torchvison:resnet18",), "did you mean 'torchvision:'"),
        (("net.onnx", "--battery", "cifar10-linf-v1", "--data", "x.npz"), "(3, 32, 32)"),
        (("--checkpoint", "net.onnx", "--architecture", "mlp", "--battery", "digits-v1"), "own"),
    ],
)
def test_what_does_not_fit_is_one_line(here, digits_net, tmp_path, arguments, reason):
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 3, 32, 32), np.uint8), y=np.zeros(2, np.int64))
    code, out, err = here("bench", *arguments)
    assert (code, out) == (2, "")
    assert reason in err
    assert len(err.splitlines()) == 1
