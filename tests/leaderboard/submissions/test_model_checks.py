"""Each fault of a model is found by the check that is about it, from its weights to its answers."""

from importlib.resources import files

import pytest
import torch
from safetensors.torch import load_file as read
from safetensors.torch import save_file
from torch import nn

from benchmark.datasets import Dataset, load_dataset
from leaderboard.submissions.case import Case
from leaderboard.submissions.validation import validate
from models_zoo import load_model
from tests.leaderboard.submissions.conftest import ids, moved


class Wrapped(nn.Module):
    """A trained network for the digits with something in front of it or behind it."""

    def __init__(self, before=None, after=None):
        super().__init__()
        self.inner = load_model("digits/mlp-standard").requires_grad_(True)
        self.before, self.after = before or nn.Identity(), after or nn.Identity()

    def forward(self, images):
        return self.after(self.inner(self.before(images)))


class Noise(nn.Module):
    """Noise from a generator of its own, which seeding the global ones does not repeat."""

    def __init__(self):
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def forward(self, logits):
        return logits + 0.1 * torch.randn(logits.shape, generator=self.generator)


class Dropped(nn.Module):
    """Dropout that does not know eval mode."""

    def forward(self, logits):
        return nn.functional.dropout(logits, 0.1, training=True)


class BatchStatistics(nn.Module):
    """What batch norm computes in train mode."""

    def forward(self, logits):
        return (logits - logits.mean(0)) / (logits.std(0, unbiased=False) + 1e-5)


class Counting(nn.Module):
    """Statistics that go on being collected, as by batch norm in train mode."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(10))

    def forward(self, logits):
        self.get_buffer("mean").mul_(0.9).add_(0.1 * logits.mean(0))
        return logits


class Divided(nn.Module):
    """Undefined on images of a single gray."""

    def forward(self, images):
        return images / (
            images.amax((1, 2, 3), keepdim=True) - images.amin((1, 2, 3), keepdim=True)
        )


class Rounded(nn.Module):
    """Gradients of zero nearly everywhere, passed straight through."""

    def forward(self, images):
        coarse = (4 * images).round() / 4
        return coarse.detach() + 0 * images


class Call(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, values):
        return self.function(values)


def test_a_network_without_faults_raises_nothing_but_that_it_is_of_the_zoo(look):
    found = look(Wrapped())
    assert found.keys() == {"duplicate"}
    assert "digits/mlp-standard" in found["duplicate"].saw
    assert look(Wrapped(after=Call(lambda logits: 3 * logits + 1))).keys() == {"duplicate"}


RUNNING: dict[str, list[dict[str, nn.Module]]] = {
    "forward-pass": [
        {"after": Call(lambda logits: (logits, logits))},
        {"after": Call(lambda logits: logits[:, :, None])},
        {"after": Call(lambda logits: logits.double())},
        {"before": Call(lambda images: images.view(1, 1, 8, 8))},
    ],
    "class-count": [{"after": Call(lambda logits: torch.cat([logits, logits[:, :1]], 1))}],
    "changing-model": [{"after": Counting()}],
    "nonfinite-logits": [{"before": Divided()}],
    "random-outputs": [{"after": Noise()}, {"after": Dropped()}],
    "batch-dependence": [{"after": BatchStatistics()}],
    "softmax-inside": [{"after": nn.Softmax(1)}, {"after": nn.LogSoftmax(1)}],
    "gradient-masking": [{"before": Rounded()}],
}


@pytest.mark.parametrize(("fault", "how"), [(k, how) for k, v in RUNNING.items() for how in v])
def test_a_fault_of_the_forward_pass_is_found(look, fault, how):
    found = look(Wrapped(**how))
    assert fault in found
    severity = "warning" if fault == "gradient-masking" else "refused"
    assert found[fault].severity == severity
    if fault == "random-outputs":
        assert "battery 'digits-randomized-v1'" in found[fault].saw
    allowed = {"duplicate", "gradient-masking", "random-outputs", fault}
    assert found.keys() <= allowed, found


def test_two_classes_are_accepted_with_a_warning(look):
    data = load_dataset("digits", examples=100)
    two = Dataset("digits", "test", data.images, (data.labels > 4).long(), 2)
    network = Wrapped(after=Call(lambda z: torch.stack([z[:, :5].amax(1), z[:, 5:].amax(1)], 1)))
    found = look(network, two)
    assert found["few-classes"].severity == "warning"
    assert "2 classes" in found["few-classes"].saw
    assert found.keys() <= {"few-classes", "duplicate"}


def reordered(order):
    return Wrapped(after=Call(lambda logits: logits[:, order]))


def test_a_shift_of_a_few_classes_is_part_of_another_order(look):
    found = look(reordered(torch.tensor([1, 2, 3, 0, 5, 6, 7, 4, 9, 8])))
    assert "class-order" in found
    assert "label-shift" not in found


def test_another_order_of_the_classes_is_found_with_the_one_that_is_right(look):
    order = torch.tensor([3, 1, 2, 0, 4, 5, 9, 7, 8, 6])
    found = look(reordered(order))
    assert {"class-order"} <= found.keys() <= {"class-order", "duplicate"}
    assert "class 0 is logit 3" in found["class-order"].saw
    assert str(order.argsort().tolist()) in found["class-order"].fix


def test_labels_from_another_number_are_a_shift_and_no_order(look):
    found = look(reordered((torch.arange(10) + 1) % 10))
    assert {"label-shift", "at-chance"} <= found.keys()
    assert "class-order" not in found


def test_a_model_that_guesses_has_no_better_order(look):
    torch.manual_seed(0)
    found = look(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)))
    assert "at-chance" in found
    assert not {"class-order", "label-shift", "memory-layout", "normalization-missing"} & set(found)


def test_claims_are_compared_with_what_was_measured(look):
    claims = {"clean_accuracy": 0.995, "robust_accuracy": 0.99, "norm": "linf", "eps": "8/255"}
    noise = torch.randn(100, 10, generator=torch.Generator().manual_seed(0))
    bad = Wrapped(after=Call(lambda logits: logits + 9 * noise[: len(logits)]))
    found = look(bad, claims=claims)
    assert found["accuracy-claim"].severity == "refused"
    assert "99.5% is stated" in found["accuracy-claim"].saw
    assert found["robust-claim"].severity == "warning"
    assert not {"accuracy-claim", "robust-claim"} & look(Wrapped(), claims=claims).keys()


def test_a_missing_and_another_normalization_are_told_apart(look):
    """The network wants images from -1 to 1."""
    network = Wrapped(before=Call(lambda images: images / 2 + 0.5))
    missing = look(network)
    assert missing["normalization-missing"].severity == "refused"
    assert "mean = [0.5], std = [0.5]" in missing["normalization-missing"].fix
    assert "normalization-other" not in missing
    other = look(network, mean=(0.1307,), std=(0.3081,))
    assert "mean = [0.5], std = [0.5]" in other["normalization-other"].fix
    assert "normalization-missing" not in other
    assert look(network, mean=(0.5,), std=(0.5,)).keys() == {"duplicate"}


def test_channels_in_reverse_order_are_found(look):
    """Of images whose last channel is the digit, and the others another digit."""
    data = load_dataset("digits", examples=200)
    colors = torch.cat([data.images.roll(1, 0), data.images.roll(2, 0), data.images], 1)
    colored = Dataset("own", "test", colors, data.labels, 10)
    said = {"dataset": "own", "battery": "own.toml"}
    first, last = (Wrapped(before=Call(lambda x, at=at: x[:, at : at + 1])) for at in (0, 2))
    found = look(first, colored, **said)
    assert {"channel-order", "at-chance"} <= found.keys()
    assert "weight.flip(1)" in found["channel-order"].fix
    assert look(last, colored, **said) == {}
    order = torch.tensor([3, 1, 2, 0, 4, 5, 9, 7, 8, 6])
    other = look(nn.Sequential(last, Call(lambda logits: logits[:, order])), colored, **said)
    assert other.keys() == {"class-order"}


def test_weights_that_do_not_fit_are_refused_with_what_does(check, weights):
    assert ids(check(weights, architecture=None)) == ["architecture-missing"]
    (found,) = check(weights, architecture=None).findings
    assert "--architecture mlp" in found.saw
    assert ids(check(weights, architecture="resnet5000")) == ["architecture-unknown"]
    (found,) = check(weights, architecture="cnn").findings
    assert found.id == "weights-mismatch"
    assert "mlp" in found.fix
    fewer = {key: value[:7] if len(value) == 10 else value for key, value in weights.items()}
    assert ids(check(fewer)) == ["weights-mismatch"]
    whole = {key: value.long() for key, value in weights.items()}
    assert ids(check(whole)) == ["weights-mismatch"]


def test_weights_that_are_not_finite_are_refused(check, weights):
    name = next(iter(weights))
    for bad in (float("nan"), float("inf")):
        value = weights[name].clone()
        value.view(-1)[3] = bad
        (found,) = check(weights | {name: value}).findings
        assert found.id == "nonfinite-weights"
        assert name in found.saw


def test_two_normalizations_that_contradict_each_other_are_refused(check, weights):
    inside = weights | {"normalize.mean": torch.tensor([0.1]), "normalize.std": torch.tensor([0.2])}
    assert "normalization-conflict" in ids(check(inside))
    assert "normalization-conflict" not in ids(check(inside, mean=[0.1], std=[0.2]))


def test_batch_norm_without_statistics_is_refused(check):
    from models_zoo.architectures import build_architecture

    torch.manual_seed(0)
    network = build_architecture("cifar-resnet8", classes=10, input_shape=(1, 8, 8))
    said = {"architecture": "cifar-resnet8", "mean": None, "std": None}
    assert "batch-norm-statistics" in ids(check(network.state_dict(), **said))
    network.train()(torch.rand(8, 1, 8, 8))
    assert "batch-norm-statistics" not in ids(check(network.state_dict(), **said))


def turned(weights):
    """A convolutional network as a careless conversion from TensorFlow leaves it."""
    found = {}
    for key, value in weights.items():
        if value.ndim == 4:
            found[key] = value.permute(2, 3, 1, 0).reshape(value.shape)
        elif value.ndim == 2:
            found[key] = value.t().reshape(value.shape)
        else:
            found[key] = value
    return found


def test_weights_in_another_memory_layout_are_named(check):
    card = load_model("digits/cnn-standard").card
    path = files("models_zoo") / "checkpoints" / "digits" / "cnn-standard.safetensors"
    said = {"architecture": "cnn", "mean": list(card.mean), "std": list(card.std)}
    verdict = check(turned(read(str(path))), **said)
    (found,) = [each for each in verdict.findings if each.id == "memory-layout"]
    assert "(height, width, in, out)" in found.saw
    assert "(in, out)" in found.saw
    assert not verdict.accepted
    assert "memory-layout" not in ids(check(read(str(path)), **said))


def test_a_slow_network_is_checked_on_fewer_images(check, weights, monkeypatch):
    """What does not fit into the time is left out, with the reason, and is no fault."""
    monkeypatch.setattr(Case, "seconds_per_image", 0.05)
    verdict = check(moved(weights), examples=120)
    assert verdict.accepted
    assert verdict.facts.clean_accuracy is not None
    assert verdict.facts.clean_accuracy.n == 120
    assert "too slow" in verdict.left_out["gradient-masking"]
    monkeypatch.setattr(Case, "seconds_per_image", 0.2)
    verdict = check(moved(weights), examples=400)
    assert verdict.facts.clean_accuracy is not None
    assert verdict.facts.clean_accuracy.n == 100


def test_a_network_that_fails_on_some_images_is_refused(look):
    """On the evaluation images, though not on random ones."""

    def fails(images):
        if len(images) > 3:
            raise KeyError("no such size")
        return images

    found = look(Wrapped(before=Call(fails)))
    assert found.keys() == {"changing-model"}
    assert "no such size" in found["changing-model"].saw


def test_a_real_resnet20_is_accepted_and_another_layout_of_it_is_found(shared_data, tmp_path):
    """On a few images; its convolutions were copied from (height, width, in, out)."""
    path = shared_data / "checkpoints" / "cifar10-resnet20-standard.safetensors"
    said = {
        "name": "mine",
        "dataset": "cifar10",
        "architecture": "cifar-resnet20",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "claims": {"clean_accuracy": 0.9173},
    }
    copied = tmp_path / "copied.safetensors"
    save_file(turned(read(str(path))), copied)
    for file, expected in ((path, set()), (copied, {"memory-layout", "accuracy-claim"})):
        paths = {"checkpoint": file, "data": shared_data / "cifar10" / "test_846.npz"}
        found = validate({"description": said, "examples": 40}, paths)["findings"]
        assert expected <= {each["id"] for each in found}
        assert bool(found) == bool(expected)


def test_the_same_function_is_found_in_another_format_and_number_type(check, weights):
    """Float16 weights, an ONNX graph, and the zoo's own file."""
    mine = moved(weights)
    function = check(mine).facts.function
    half = check({key: value.half() for key, value in mine.items()}, known={"other": function})
    graph = check(graph_of(mine), architecture=None, known={"other": function})
    for verdict in (half, graph):
        assert ids(verdict) == ["duplicate"]
        assert "'other'" in verdict.findings[0].saw
    assert graph.facts.format == "onnx"
    assert graph.facts.parameters == half.facts.parameters
    assert check(moved(weights, 0.6), known={"other": function}).findings == ()
    (copy,) = check(weights).findings
    assert "digits/mlp-standard" in copy.saw


def test_an_onnx_graph_with_a_fault_is_refused(check, weights):
    """Its softmax, random numbers, a truncated file, and an architecture given twice."""
    assert "softmax-inside" in ids(check(graph_of(weights, "Softmax"), architecture=None))
    assert ids(check(graph_of(weights, "RandomNormalLike"), architecture=None)) == ["onnx-graph"]
    assert ids(check(graph_of(weights), architecture="mlp")) == ["onnx-graph"]
    named = {"architecture": None, "weights": "ema"}
    assert ids(check(graph_of(weights), **named)) == ["onnx-graph"]
    assert ids(check(graph_of(weights)[:-900], architecture=None)) == ["onnx-graph"]


def graph_of(weights, last=None):
    """The network of the weights as an ONNX graph, with an operation behind its logits."""
    from onnx import TensorProto, helper, numpy_helper

    layers = sorted({key.rpartition(".")[0] for key in weights})
    nodes = [helper.make_node("Flatten", ["images"], ["relu0"])]
    for place, layer in enumerate(layers):
        names = [f"relu{place}", f"{layer}.weight", f"{layer}.bias"]
        nodes.append(helper.make_node("Gemm", names, [f"linear{place + 1}"], transB=1))
        nodes.append(helper.make_node("Relu", [f"linear{place + 1}"], [f"relu{place + 1}"]))
    nodes[-1] = helper.make_node(last or "Identity", [f"linear{len(layers)}"], ["logits"])
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 10])],
        [numpy_helper.from_array(value.numpy(), key) for key, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()
