"""ONNX graphs: what becomes of their weights, and which are refused."""

import pickle
import sys

import onnx
import pytest
import torch
from torch import nn

from benchmark.spaces.selection import select_weights
from models_zoo import InputError, load_file, load_model, sha256_file

IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
SHAPE = (1, 8, 8)


class Attending(nn.Module):
    """Operations whose weights are in no layer once exported: a product and a sum by element."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(8, 6)
        self.place = nn.Parameter(torch.randn(8, 6))
        self.scale = nn.Parameter(torch.rand(6))
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 4)
        self.register_buffer("mean", torch.rand(1, 1, 8, 8))

    def forward(self, images):
        rows = self.embed((images - self.mean).squeeze(1)) + self.place
        return self.head(self.norm(rows * self.scale).mean(1))


class Normalized(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop = nn.Dropout()
        self.linear = nn.Linear(4, 3)

    def forward(self, images):
        return self.linear(self.drop(self.bn(self.conv(images)).relu().mean((2, 3))))


@pytest.fixture(scope="module")
def net(exporting, tmp_path_factory):
    """A bundled model as ONNX."""
    path = tmp_path_factory.mktemp("onnx") / "net.onnx"
    return exporting.onnx(load_model("digits/cnn-standard"), SHAPE, path)


def test_a_graph_brings_its_architecture_shape_and_normalisation(net):
    model, native = load_model(str(net)), load_model("digits/cnn-standard")
    assert torch.allclose(model(IMAGES), native(IMAGES), atol=1e-6)
    card = model.card
    assert (card.name, card.source, card.dataset) == ("net", "file", "unknown")
    assert (card.input_shape, card.classes) == (SHAPE, 10)
    assert (card.mean, card.std) == ((0.0,), (1.0,))
    assert card.parameters == native.card.parameters
    assert card.architecture == f"onnx:{sha256_file(net)[:12]}"
    assert not any(module.training for module in model.modules())
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_weights_have_the_names_and_order_of_the_network_s_own(net, exporting, tmp_path):
    native = load_model("digits/cnn-standard")
    old = exporting.old_onnx(native, SHAPE, tmp_path / "old.onnx")
    expected = [(name, p.shape) for name, p in native.named_parameters()]
    for path in (net, old):
        found = load_model(str(path)).named_parameters()
        assert [(name, p.shape) for name, p in found] == expected


def test_weights_outside_of_layers_are_parameters_and_normalisation_is_not(exporting, tmp_path):
    torch.manual_seed(0)
    native = Attending().eval()
    model = load_model(str(exporting.onnx(native, SHAPE, tmp_path / "net.onnx")))
    assert torch.allclose(model(IMAGES), native(IMAGES), atol=1e-5)
    trained = sum(p.numel() for p in native.parameters())
    assert sum(p.numel() for p in model.parameters()) == trained
    assert {"network.place", "network.scale", "network.head.weight"} <= {
        name for name, _ in model.named_parameters()
    }


def test_weights_can_be_exchanged_and_differentiated_twice(net):
    model = load_model(str(net))
    weights = {name: p.detach().requires_grad_() for name, p in model.named_parameters()}
    loss = torch.func.functional_call(model, weights, (IMAGES,)).square().sum()
    slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
    assert all(bool(slope.abs().sum() > 0) for slope in slopes)
    steepness = torch.stack([slope.square().sum() for slope in slopes]).sum()
    curvature = torch.autograd.grad(steepness, list(weights.values()))
    assert all(bool(torch.isfinite(each).all()) for each in curvature)


def test_a_model_goes_to_another_process(net):
    model = load_model(str(net))
    again = pickle.loads(pickle.dumps(model))
    assert torch.equal(again(IMAGES), model(IMAGES))
    assert again.fingerprint == model.fingerprint


def test_batch_norm_and_dropout_are_those_of_evaluation(exporting, tmp_path):
    torch.manual_seed(0)
    native = Normalized()
    native(IMAGES)  # moves the running statistics
    native.eval()
    for export in (exporting.onnx, exporting.old_onnx):
        model = load_model(str(export(native, SHAPE, tmp_path / "net.onnx")))
        assert torch.allclose(model(IMAGES), native(IMAGES), atol=1e-5)


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.BatchNorm2d(1)])
def test_layers_in_training_mode_are_refused_and_not_scored_as_in_evaluation(
    exporting, tmp_path, layer
):
    native = nn.Sequential(layer, nn.Flatten(), nn.Linear(64, 3)).train()
    kept = {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
    path = exporting.old_onnx(native, SHAPE, tmp_path / "net.onnx", **kept)
    with pytest.raises(InputError, match=r"in training mode.*export the network in eval mode"):
        load_model(str(path))


def test_normalisation_can_stay_outside_of_the_graph(exporting, tmp_path):
    native = load_model("digits/mlp-standard")
    path = exporting.onnx(native.network, SHAPE, tmp_path / "net.onnx")
    (mean,), (std,) = native.card.mean, native.card.std
    model = load_model(f"{path}?mean={mean}&std={std}&dataset=digits")
    assert torch.allclose(model(IMAGES), native(IMAGES), atol=1e-6)
    assert model.card.dataset == "digits"


def test_batch_norm_that_the_exporter_keeps_is_known_as_such(exporting, tmp_path):
    """Equal tensors, such as those of two fresh batch norms, are stored once in the file."""
    torch.manual_seed(0)
    native = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(64, 3)),
    ).eval()
    kept = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
    model = load_model(str(exporting.old_onnx(native, SHAPE, tmp_path / "net.onnx", **kept)))
    assert torch.allclose(model(IMAGES), native(IMAGES), atol=1e-6)
    for rule in ("all", "no-normalization", "kernels"):
        expected = {f"network.{name}" for name in select_weights(native, rule)}
        assert set(select_weights(model, rule)) == expected


class Softmax(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 3), nn.Softmax(1))


class Fixed(nn.Module):
    """Written for the size of the batch it is exported with."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 3)

    def forward(self, images):
        return self.linear(images.reshape(2, 64))


class Pair(nn.Module):
    def forward(self, images):
        return images.flatten(1), images.flatten(1)


def refusals():
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    fixed = {"dynamic_axes": None}
    return {
        "probabilities": (Softmax(), {}, {}, "leave the softmax out"),
        "one batch size": (Fixed(), fixed, {}, "a batch dimension of any size"),
        "two outputs": (Pair(), {}, {}, "1 inputs and 2 outputs"),
        "features": (nn.Conv2d(1, 3, 3), {}, {}, r"gives \(3, 3, 6, 6\)"),
        "another shape": (linear, {}, {"input_shape": (3, 8, 8)}, "takes images of 1x8x8"),
        "other classes": (linear, {}, {"classes": 10}, "gives 3 logits, the data has 10"),
        "an architecture": (linear, {}, {"architecture": "mlp"}, "contains its own architecture"),
    }


@pytest.mark.parametrize(("network", "how", "asked", "reason"), refusals().values(), ids=refusals())
def test_what_cannot_be_scored_is_refused(exporting, tmp_path, network, how, asked, reason):
    path = exporting.old_onnx(network.eval(), SHAPE, tmp_path / "net.onnx", **how)
    with pytest.raises(InputError, match=reason) as refusal:
        load_file(path, dataset="digits", **asked)
    assert "\n" not in str(refusal.value)
    assert "net.onnx" in str(refusal.value)


def test_weights_in_another_file_are_refused(net, tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(onnx.load(net), path, save_as_external_data=True, size_threshold=0)
    with pytest.raises(InputError, match=r"net\.onnx keeps its weights in another file"):
        load_model(str(path))


def test_an_operation_that_cannot_be_converted_is_named(net, tmp_path):
    model = onnx.load(net)
    next(node for node in model.graph.node if node.op_type == "Relu").op_type = "Erf2"
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError, match="Erf2"):
        load_model(str(path))


@pytest.mark.parametrize("size", [0, 10, 5000, None])
def test_a_damaged_file_is_refused_by_name(net, tmp_path, size):
    content = net.read_bytes()
    path = tmp_path / "damaged.onnx"
    path.write_bytes(content[:size] if size is not None else b"\x00" * 64)
    with pytest.raises(InputError, match=r"damaged\.onnx") as refusal:
        load_model(str(path))
    assert "\n" not in str(refusal.value)


def test_a_missing_package_names_the_extra(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(InputError, match=r"pip install 'nonsingular\[onnx\]'"):
        load_model(str(net))
