"""The rules that tell embeddings, other weights and the last layer apart, by a forward pass."""

import pytest
import torch
from torch import nn

from benchmark.attacks.weights import weight_ball
from benchmark.budgets import Budget
from benchmark.spaces import select_weights
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from models_zoo.errors import InputError
from tests.texts import LENGTH, WORDS, text_model, tiny_texts


class Tied(nn.Module):
    """Positions that are looked up too, and an embedding that is the last layer's kernel."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(len(WORDS), 4)
        self.positions = nn.Embedding(LENGTH, 4)
        self.hidden = nn.Linear(4, 4)
        self.out = nn.Linear(4, len(WORDS))
        self.out.weight = self.embedding.weight

    def forward(self, ids):
        steps = self.embedding(ids) + self.positions(torch.arange(ids.shape[1]))
        return self.out(self.hidden(steps).relu().mean(1))[:, 3:5]


def chosen(model, rule):
    data = tiny_texts()
    return set(Subject(model.eval(), data.images, data.labels).weights_that_move(rule))


@pytest.mark.parametrize("architecture", ["mean-linear", "text-cnn", "encoder-2"])
def test_the_embedding_and_the_last_layer_are_found(architecture):
    model = text_model(architecture)
    every = {name for name, _ in model.named_parameters()}
    assert chosen(model, "all") == every
    assert chosen(model, "embedding") == {"network.embedding.weight"}
    assert chosen(model, "no-embedding") == every - {"network.embedding.weight"}
    assert chosen(model, "head") == {"network.linear.weight", "network.linear.bias"}
    assert architecture != "encoder-2" or "network.positions" in chosen(model, "no-embedding")


def test_a_shared_embedding_counts_once_and_positions_are_none():
    model = Tied()
    assert chosen(model, "embedding") == {"embedding.weight"}
    rest = {"positions.weight", "hidden.weight", "hidden.bias", "out.bias"}
    assert chosen(model, "no-embedding") == rest
    assert chosen(model, "all") == rest | {"embedding.weight"}
    assert "hidden.weight" not in chosen(model, "head")


def test_rules_by_role_are_refused_where_roles_are_unknown_or_nothing_is_left():
    model = text_model()
    with pytest.raises(InputError, match="'head' needs the roles of the model's tensors"):
        select_weights(model, "head")
    images = torch.rand(4, 1, 2, 2)
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)).eval()
    pictures = Subject(network, images, torch.arange(4) % 2)
    assert set(pictures.weights_that_move("head")) == {"3.weight", "3.bias"}
    assert len(pictures.weights_that_move("no-embedding")) == 4
    with pytest.raises(InputError, match="'embedding' selects no parameter"):
        pictures.weights_that_move("embedding")


def test_a_ball_may_be_limited_to_some_rows():
    data = tiny_texts()
    subject = Subject(text_model().eval(), data.images, data.labels)
    rows = {"network.embedding.weight": torch.arange(len(WORDS))[:, None] == 9}
    threat = WeightThreat("absolute-linf", Budget(0.5), "embedding")
    ball = weight_ball(subject, threat, rows)
    away = {name: value + 1 for name, value in ball.origin.items()}
    moved = (
        ball.project(away)["network.embedding.weight"] - ball.weights["network.embedding.weight"]
    )
    assert moved.abs().sum(1).nonzero().tolist() == [[9]]
