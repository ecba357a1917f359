"""A model in memory is submitted as a file that gives the same logits, or refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import nonsingular as ns
from leaderboard.store import Store
from models_zoo.errors import InputError
from models_zoo.sources.program import FORMATS


class Convolutional(nn.Module):
    """Its layers are a known architecture; what it does with images is for the logits to tell."""

    def __init__(self, shift=0.5, scale=0.5):
        super().__init__()
        self.shift, self.scale = shift, scale
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 16, 3, padding=1)
        self.head = nn.Linear(64, 10)

    def forward(self, images):
        x = (images - self.shift) / self.scale
        x = nn.functional.max_pool2d(self.first(x).relu(), 2)
        x = nn.functional.max_pool2d(self.second(x).relu(), 2)
        return self.head(x.flatten(1))


class Own(nn.Module):
    """No known architecture."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 32)
        self.gate = nn.Linear(64, 32)
        self.head = nn.Linear(32, 10)

    def forward(self, images):
        x = images.flatten(1)
        return self.head(self.hidden(x).relu() * self.gate(x).sigmoid())


def trained(network):
    data = ns.load_dataset("digits", "train")
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    generator = torch.Generator().manual_seed(0)
    for _ in range(4):
        for batch in torch.randperm(len(data), generator=generator).split(64):
            loss = nn.functional.cross_entropy(network(data.images[batch]), data.labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network


@pytest.fixture
def submit(tmp_path):
    def run(model, **options):
        given: dict[str, Any] = {"name": "me/mine", "dataset": "digits", "probes": ["clean"]}
        given |= {"examples": 60, "database": tmp_path / "scores.sqlite"}
        return ns.submit(model, **(given | options))

    return run


@pytest.fixture
def seeded():
    torch.manual_seed(0)


def same(model, other):
    images = ns.load_dataset("digits").head(60).images
    with torch.no_grad():
        return torch.allclose(model.eval()(images), other(images), atol=1e-3)


@pytest.mark.usefixtures("seeded")
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 0.5), (0.1307, 0.3081)])
def test_architecture_and_usual_normalization_are_found_by_the_logits(
    submit, tmp_path, shift, scale
):
    model = trained(Convolutional(shift, scale))
    report = submit(model)
    assert report.card.architecture == "cnn:8-M-16-M"
    assert (report.card.mean, report.card.std) == ((shift,), (scale,))
    (entry,) = Store.open(tmp_path / "scores.sqlite").entries()
    assert entry.submitted
    assert entry.card == report.card
    (file,) = (tmp_path / ".nonsingular" / "checkpoints").iterdir()
    rebuilt = ns.load_file(
        file,
        architecture=report.card.architecture,
        dataset="digits",
        input_shape=(1, 8, 8),
        mean=report.card.mean,
        std=report.card.std,
    )
    assert same(model, rebuilt)


@pytest.mark.usefixtures("seeded")
def test_another_normalization_has_to_be_given_or_is_exported(submit):
    model = trained(Convolutional(0.3, 0.37))
    with pytest.raises(InputError, match="give other logits; check mean, std and architecture"):
        submit(model, architecture="cnn:8-M-16-M")
    given = submit(model, architecture="cnn:8-M-16-M", mean=[0.3], std=[0.37])
    assert given.card.mean == (0.3,)
    assert submit(model, name="me/graph").card.architecture.startswith("onnx:")


@pytest.mark.usefixtures("seeded")
def test_a_network_of_one_s_own_becomes_a_graph(submit, tmp_path):
    model = trained(Own())
    report = submit(model)
    assert report.card.architecture.startswith("onnx:")
    (file,) = (tmp_path / ".nonsingular" / "checkpoints").iterdir()
    assert file.suffix in FORMATS
    assert same(model, ns.load_file(file, dataset="digits"))


@pytest.mark.usefixtures("seeded")
def test_without_the_exporter_it_is_refused_in_one_line(submit, without):
    model = trained(Own())
    without("onnxscript")
    with pytest.raises(InputError, match=r"pip install 'nonsingular\[onnx\]'"):
        submit(model)


def test_a_model_of_the_zoo_is_submitted_with_its_architecture(submit):
    model = ns.load_model("digits/mlp-standard")
    report = submit(model)
    assert report.card.architecture == model.card.architecture
    assert report.card.mean == model.card.mean
    assert report.card.source == "submitted"


@pytest.mark.usefixtures("seeded")
def test_a_doubtful_accuracy_is_a_warning_before_scoring_and_the_site_can_follow(submit, tmp_path):
    network = ns.load_model("digits/mlp-standard").network
    with pytest.warns(UserWarning, match="me/mine: Accuracy .*is the normalization missing"):
        report = submit(network, examples=200, out=tmp_path / "site")
    assert "flags: other_normalization" in repr(report)
    (entry,) = Store.open(tmp_path / "scores.sqlite").entries()
    assert entry.results["clean"] == report.results["clean"]
    assert "me/mine" in (tmp_path / "site" / "index.html").read_text("utf-8")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        submit(network, name="me/other", out=tmp_path / "file")


def test_what_cannot_be_exported_is_refused_in_one_line_and_leaves_nothing(submit, tmp_path):
    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 10)

        def forward(self, images):
            scale = 2.0 if images.sum().item() > 0 else 1.0
            return self.linear(images.flatten(1).sort(1)[0]) * scale

    with pytest.raises(InputError, match="the model is refused") as caught:
        submit(Branching())
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("seeded")
def test_the_checks_of_submissions_hold(submit, tmp_path):
    with pytest.raises(InputError, match="not above chance"):
        submit(Convolutional())
    with pytest.raises(InputError, match="choose another name"):
        submit(Convolutional(), name="a/..")
    with pytest.raises(InputError, match="paper"):
        submit(trained(Convolutional()), paper="no address")
    assert list(tmp_path.iterdir()) == []
    submit(trained(Convolutional()), name="me/one")
    with pytest.raises(InputError, match="looks like 'me/one'"):
        submit(trained(Convolutional()), name="me/0ne")


@pytest.mark.usefixtures("seeded")
def test_the_model_is_left_as_it_was(submit):
    model = trained(Convolutional()).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    submit(model)
    assert model.training
    assert all(each.requires_grad for each in model.parameters())
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
