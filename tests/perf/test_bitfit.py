"""``python -m perf.bitfit``: which weights it trains."""

import torch
from torch.nn import functional as F

from models_zoo.architectures import build_skeleton
from perf.bitfit import train, tuned
from tests.texts import text_model, tiny_texts


def test_shifts_gains_and_the_last_layer_are_trained_and_nothing_else():
    network = build_skeleton("minilm-l6:30x2", classes=2, input_shape=(8,))
    moving = tuned(network)
    assert {"norm.weight", "norm.bias", "linear.weight", "linear.bias"} < set(moving)
    assert {"layers.5.query.bias", "layers.0.norm2.weight"} < set(moving)
    assert not {"layers.0.query.weight", "embedding.weight", "positions"} & set(moving)
    assert not {"separator", "segment"} & set(moving)
    assert sum(each.numel() for each in moving.values()) == 31_490

    data, small = tiny_texts(), text_model("encoder-2").network
    before = {name: value.clone() for name, value in small.named_parameters()}
    losses = [F.cross_entropy(small(data.images), data.labels)]
    train(small, data, 30, 8, 0.02)
    losses.append(F.cross_entropy(small(data.images), data.labels))
    assert losses[1] < 0.7 * losses[0]
    changed = {n for n, value in small.named_parameters() if not torch.equal(value, before[n])}
    assert changed <= set(tuned(small))
    assert len(changed) > 10
    assert not any(each.requires_grad for each in small.parameters())
