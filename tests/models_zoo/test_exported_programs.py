"""Programs of ``torch.export``: refused unless trusted, and then as good as the network."""

import pickle

import pytest
import torch
from torch import nn

from benchmark.spaces.selection import select_weights
from models_zoo import InputError, load_file, load_model

IMAGES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(1))
SHAPE = (1, 8, 8)


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
def network():
    torch.manual_seed(0)
    network = Normalized()
    network(IMAGES)
    return network.eval()


@pytest.fixture(scope="module")
def program(exporting, network, tmp_path_factory):
    return exporting.program(network, SHAPE, tmp_path_factory.mktemp("pt2") / "net.pt2")


def test_it_is_refused_with_the_reason_before_anything_of_it_is_read(program, monkeypatch):
    monkeypatch.setattr(torch.export, "load", lambda *_: pytest.fail("it was loaded"))
    for load in (load_model, lambda name: load_file(name, dataset="digits")):
        with pytest.raises(InputError, match=r"net\.pt2.*can execute code.*--trust"):
            load(str(program))


def test_a_trusted_one_is_the_network_with_its_parameters(program, network):
    model = load_model(str(program), trust=True)
    assert torch.allclose(model(IMAGES), network(IMAGES), atol=1e-6)
    named = {f"network.{name}" for name, _ in network.named_parameters()}
    assert {name for name, _ in model.named_parameters()} == named
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert (model.card.input_shape, model.card.classes) == (SHAPE, 3)


def test_it_obeys_train_and_eval_and_goes_to_another_process(program):
    model = load_model(str(program), trust=True)
    assert not any(module.training for module in model.modules())
    before = model(IMAGES)
    assert torch.equal(model.train().eval()(IMAGES), before)
    assert torch.equal(pickle.loads(pickle.dumps(model))(IMAGES), before)


def test_weight_rules_know_its_normalisation_layers(program, network):
    model = load_model(str(program), trust=True)
    for rule in ("no-normalization", "kernels"):
        expected = {f"network.{name}" for name in select_weights(network, rule)}
        assert set(select_weights(model, rule)) == expected


def test_the_batch_size_of_the_export_does_not_bind_where_the_network_takes_others(
    exporting, network, tmp_path
):
    path = exporting.program(network, SHAPE, tmp_path / "net.pt2", batch=2)
    assert torch.allclose(load_model(str(path), trust=True)(IMAGES), network(IMAGES), atol=1e-6)


class Folded(nn.Module):
    """Written for the batch it sees."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 3)

    def forward(self, images):
        return self.linear(images.reshape(images.shape[0], 64))


@pytest.mark.parametrize(
    ("build", "batch", "reason"),
    [
        (lambda: Normalized().train(), None, "eval mode"),
        (
            lambda: nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 3)),
            None,
            "different logits",
        ),
        (lambda: Folded().eval(), 2, "cannot take a batch of 3"),
    ],
)
def test_what_cannot_be_scored_is_refused(exporting, tmp_path, build, batch, reason):
    path = exporting.program(build(), SHAPE, tmp_path / "net.pt2", batch=batch)
    with pytest.raises(InputError, match=reason) as refusal:
        load_model(str(path), trust=True)
    assert "\n" not in str(refusal.value)


def test_a_damaged_one_is_refused_by_name(program, tmp_path):
    path = tmp_path / "damaged.pt2"
    path.write_bytes(program.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"damaged\.pt2 is damaged"):
        load_model(str(path), trust=True)
    with pytest.raises(InputError, match="does not exist"):
        load_model("nowhere.pt2", trust=True)
