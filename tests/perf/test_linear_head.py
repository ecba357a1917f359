"""``python -m perf.linear_head``: the layer that it fits."""

import pytest
import torch

from models_zoo import InputError
from models_zoo.sources.encoders import MINILM
from perf.linear_head import fit, main


def test_the_layer_is_a_logistic_regression():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(300, 4, generator=generator)
    labels = (embeddings @ torch.tensor([2.0, -1.0, 0.0, 0.0]) > 0.3).long()
    weak, strong = fit(embeddings, labels, 100.0), fit(embeddings, labels, 0.01)
    assert weak.accuracy(embeddings, labels) > 0.97
    assert weak.weight.norm() > 3 * strong.weight.norm()
    # At the minimum the residuals are orthogonal to the embeddings, up to the penalty.
    logits = embeddings @ weak.weight.T + weak.bias
    residuals = labels - logits.softmax(1)[:, 1]
    slope = weak.weight[1] - weak.weight[0]
    assert torch.allclose(embeddings.T @ residuals, slope / 100.0, atol=1e-3)
    assert abs(float(residuals.sum())) < 1e-3


def test_without_the_encoder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("models_zoo.sources.installed.find_spec", lambda _: None)
    with pytest.raises(InputError, match=f"needs the package {MINILM.requirement}; run pip"):
        main(data_root=tmp_path, out=tmp_path, threads=1)
    assert not [*tmp_path.iterdir()]
