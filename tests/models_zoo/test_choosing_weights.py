"""Which of several sets of weights in a file are taken, and that it is said."""

from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from models_zoo import InputError, load_file, load_model
from models_zoo.checkpoint import read_checkpoint


def raw():
    return {"a.weight": torch.zeros(2, 2), "a.bias": torch.zeros(2), "bn.mean": torch.zeros(2)}


def ema(**changes):
    return {name: torch.ones_like(value) for name, value in raw().items()} | changes


def prefixed(weights, prefix):
    return {f"{prefix}.{name}": value for name, value in weights.items()}


FILES = {
    "state_dict": {"state_dict": raw(), "state_dict_ema": ema()},
    "timm": {"epoch": 1, "arch": "x", "state_dict": raw(), "state_dict_ema": ema(), "metric": 0.5},
    "order": {"state_dict_ema": ema(), "state_dict": raw()},
    "model": {"model": raw(), "model_ema": ema()},
    "ema_state_dict": {"state_dict": raw(), "ema_state_dict": ema()},
    "params": {"params": raw(), "params_ema": ema()},
    "nested": {"model": raw(), "ema": {"state_dict": ema(), "decay": 0.999}},
    "nested module": {"model": raw(), "ema": {"module": ema(), "updates": torch.tensor(4)}},
    "shadow": {"net": raw(), "shadow": ema()},
    "ema.shadow": {"net": raw(), "ema": {"decay": 0.9, "shadow": ema()}},
    "model_state_dict": {"model_state_dict": raw(), "ema_model_state_dict": ema()},
    "swa": {"state_dict": raw(), "swa_state_dict": ema()},
    "averaged": {"model": raw(), "averaged_model": ema()},
    "teacher": {"student": raw(), "teacher": ema()},
    "prefixes": {"state_dict": prefixed(raw(), "net") | prefixed(ema(), "ema_net")},
    "prefixes of two words": {
        "state_dict": prefixed(raw(), "model") | prefixed(ema(), "ema.module")
    },
    "flat": prefixed(raw(), "model") | prefixed(ema(), "model_ema"),
}


@pytest.mark.parametrize("kind", FILES)
def test_the_trained_weights_are_taken_unless_averages_are_asked_for_and_it_is_said(tmp_path, kind):
    path = tmp_path / "a.pt"
    torch.save(FILES[kind], path)
    usual, raws, emas = (read_checkpoint(path, weights=each) for each in (None, "raw", "ema"))
    assert all(bool((value == 0).all()) for value in usual.tensors.values())
    assert all(bool((value == 0).all()) for value in raws.tensors.values())
    assert all(bool((value == 1).all()) for value in emas.tensors.values())
    assert len(usual.tensors) == len(emas.tensors) == 3
    assert "--weights" in usual.notes[-1]
    assert repr(emas.name) in usual.notes[-1]
    by_name = read_checkpoint(path, weights=emas.name)
    assert all(bool((value == 1).all()) for value in by_name.tensors.values())


def test_averages_of_parameters_get_the_buffers_of_the_trained_weights(tmp_path):
    shadow = ema()
    del shadow["bn.mean"]
    torch.save({"model": raw(), "ema": {"shadow": shadow}}, tmp_path / "a.pt")
    found = read_checkpoint(tmp_path / "a.pt", weights="ema")
    assert {name: float(value.max()) for name, value in found.tensors.items()} == {
        "a.weight": 1,
        "a.bias": 1,
        "bn.mean": 0,
    }
    assert any("1 tensors that 'ema.shadow' lacks are those of 'model'" in n for n in found.notes)


@pytest.mark.parametrize(
    ("content", "weights", "message"),
    [
        ({"state_dict": raw()}, "ema", "no moving averages, only 'state_dict'"),
        (raw(), "ema", "no moving averages, only one set"),
        ({"state_dict": raw()}, "emas", "unknown set of weights.*did you mean 'ema'"),
        (FILES["model"], "model_emma", "did you mean 'model_ema'"),
        ({"encoder": raw(), "head": raw()}, None, "several sets of weights: 'encoder', 'head'"),
        ({"m": raw(), "ema_a": ema(), "ema_b": ema()}, "ema", "several sets of moving averages"),
    ],
)
def test_a_choice_that_is_not_there_names_what_is(tmp_path, content, weights, message):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError, match=message):
        read_checkpoint(tmp_path / "a.pt", weights=weights)


def test_a_file_with_averages_alone_is_read_and_said(tmp_path):
    torch.save({"ema": ema()}, tmp_path / "a.pt")
    assert read_checkpoint(tmp_path / "a.pt").notes == (
        "took 'ema', the moving averages; its file has no other weights",
    )


def test_the_choice_is_made_by_keyword_and_in_a_name_and_stands_on_the_card(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nets = [
        load_model(f"digits/mlp-{name}").network.state_dict() for name in ("standard", "pgd-at")
    ]
    torch.save({"state_dict": nets[0], "state_dict_ema": nets[1]}, "a.pth.tar")
    described: dict[str, Any] = {
        "architecture": "mlp",
        "dataset": "digits",
        "input_shape": (1, 8, 8),
    }
    name = "a.pth.tar?architecture=mlp&dataset=digits"
    for model, net, chosen in (
        (load_file("a.pth.tar", **described), nets[0], "state_dict"),
        (load_file("a.pth.tar", **described, weights="ema"), nets[1], "state_dict_ema"),
        (load_model(name), nets[0], "state_dict"),
        (load_model(f"{name}&weights=ema"), nets[1], "state_dict_ema"),
    ):
        own = model.network.state_dict()
        assert all(torch.equal(own[key], value) for key, value in net.items())
        assert model.card.weights == chosen
        assert len(model.notes) == 1


def test_one_set_of_weights_needs_no_note(tmp_path):
    save_file(raw(), tmp_path / "a.safetensors")
    assert read_checkpoint(tmp_path / "a.safetensors").notes == ()
