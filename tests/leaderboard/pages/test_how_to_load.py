"""What a model's page says of loading it and of repeating its scores works for every source."""

from typing import Any

import pytest

from benchmark.results import Provenance
from leaderboard.pages.how_to_load import how_to_load
from leaderboard.reruns.command_lines import bench_command
from leaderboard.store.entry import Entry
from models_zoo import Card, load_model
from models_zoo.checkpoint import save_weights
from tests.texts import text_model

PROVENANCE = Provenance(
    fingerprint="0" * 64,
    checkpoint_sha256=None,
    data_sha256="0" * 64,
    examples=8,
    battery="digits-v1",
    battery_sha256="0" * 64,
    seed=0,
    device="cpu",
    threads=1,
    versions={},
    created="2026-01-01T00:00:00+00:00",
)


def card(**fields):
    common = {
        "name": "net",
        "dataset": "digits",
        "architecture": "mlp",
        "input_shape": (1, 8, 8),
        "mean": (0.0,),
        "std": (1.0,),
    }
    return Card.model_validate(common | fields)


def command(described):
    return bench_command(Entry(described, {}, submitted=False, provenances={"clean": PROVENANCE}))


@pytest.mark.parametrize("source", ["downloaded", "robustbench", "torchvision", "timm", "hf-hub"])
def test_a_model_with_a_name_is_loaded_by_it(source):
    described = card(source=source, name="torchvision:resnet50?weights=IMAGENET1K_V1")
    assert f"load_model({described.name!r})" in how_to_load(described)
    assert f"bench '{described.name}' --battery" in command(described)


def test_an_onnx_file_is_loaded_without_an_architecture(exporting, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exporting.old_onnx(load_model("digits/mlp-standard"), (1, 8, 8), tmp_path / "net.onnx")
    described = load_model("net.onnx").card
    space: dict[str, Any] = {}
    exec(how_to_load(described), space)  # noqa: S102
    assert space["model"].card.sha256 == described.sha256
    assert "--checkpoint net.onnx --mean" in command(described)


def test_a_program_says_that_it_must_be_trusted():
    described = card(source="file", architecture="pt2:0123456789ab", checkpoint="net.pt2")
    assert "trust=True" in how_to_load(described)
    assert "--checkpoint net.pt2 --trust" in command(described)


def test_weights_name_their_architecture():
    described = card(source="submitted", checkpoint="net.pt")
    assert "architecture='mlp'" in how_to_load(described)
    assert "--checkpoint net.pt --architecture mlp" in command(described)


def test_weights_of_a_model_of_texts_are_loaded_with_their_vocabulary(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = text_model(source="file", checkpoint="own.safetensors")
    save_weights(model.network, tmp_path / "own.safetensors")
    space: dict[str, Any] = {}
    exec(how_to_load(model.card), space)  # noqa: S102
    assert space["model"].card.inputs == model.card.inputs
    assert space["model"].fingerprint == model.fingerprint
