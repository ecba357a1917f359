"""Adversarial images of related models are tried on the model, and verified like all others."""

import pytest
import torch
from torch import nn

from benchmark import attack_inputs
from models_zoo.errors import InputError


class Rounded(nn.Module):
    """A model behind rounding to eight grey levels, through which no gradient flows."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, images):
        return self.model((images * 7).round() / 7 + 0 * images)


def robust(model, data, *surrogates, effort="quick"):
    found = attack_inputs(
        model, data.images, data.labels, eps=0.15, effort=effort, surrogates=surrogates
    )
    with torch.no_grad():
        correct = model.eval()(found.images).argmax(1) == data.labels
    assert torch.equal(correct, found.robust)
    assert float((found.images - data.images).abs().max()) <= 0.15 + 1e-6
    return int(found.robust.sum()), found


def test_a_model_with_masked_gradients_falls_by_a_sibling(zoo, digits):
    data, model = digits.head(60), zoo("digits/mlp-standard")
    sibling = zoo("digits/cnn-standard")
    masked = Rounded(model)
    alone, _ = robust(masked, data)
    assert alone >= 55, "its gradients are zero"
    plain, _ = robust(model, data)
    with_sibling, found = robust(masked, data, sibling)
    assert with_sibling <= alone / 2
    with_both, _ = robust(masked, data, sibling, model)
    assert with_both <= plain + 6
    assert "transfer APGD from 1 surrogate" in found.searches[-1].search
    assert found.searches[-1].forwards > 0


def test_surrogates_make_no_attack_weaker_and_are_left_as_they_were(zoo, digits):
    data, model, sibling = digits.head(40), zoo("digits/mlp-pgd-at"), zoo("digits/cnn-standard")
    sibling.train()
    before = {name: tensor.clone() for name, tensor in sibling.state_dict().items()}
    alone, _ = robust(model, data)
    assert robust(model, data, sibling)[0] <= alone
    assert all(module.training for module in sibling.modules())
    assert all(torch.equal(before[name], now) for name, now in sibling.state_dict().items())
    sibling.eval()


def test_surrogates_that_do_not_fit_are_refused(zoo, digits):
    data, model = digits.head(10), zoo("digits/mlp-standard")
    with pytest.raises(InputError, match=r"surrogate 0: the model cannot take images"):
        attack_inputs(model, data.images, data.labels, eps=0.1, surrogates=[nn.Linear(3, 10)])
    with pytest.raises(InputError, match=r"surrogates need access='gradients', got 'scores'"):
        attack_inputs(model, data.images, data.labels, eps=0.1, access="scores", surrogates=[model])
