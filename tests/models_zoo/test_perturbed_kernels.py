"""Adversarial weight perturbation moves the tensors that the official code moves, and no others."""

import pytest
import torch
from torch import nn

from models_zoo.errors import InputError
from models_zoo.training.weights import at_worst_weights, kernels


def official(model):
    """Names as the authors' ``diff_in_weights`` chooses them."""
    return {n for n, w in model.named_parameters() if w.ndim > 1 and "weight" in n}


def timm_model(name, **options):
    timm = pytest.importorskip("timm")
    return timm.create_model(name, pretrained=False, num_classes=4, **options)


def vit(**options):
    small = {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 1, "num_heads": 2}
    return timm_model("vit_tiny_patch16_224", **(small | options))


class Tokens(nn.Module):
    """A layer beside parameters of two dimensions and more that are no layer's weight."""

    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(4, 4)
        self.attention = nn.MultiheadAttention(4, 2)
        for name in ("cls_token", "mask_token", "pos_embed", "query", "latents"):
            setattr(self, name, nn.Parameter(torch.randn(1, 3, 4)))
        self.relative_position_bias_table = nn.Parameter(torch.randn(9, 2))
        self.logit_scale = nn.Parameter(torch.ones(2, 1, 1))
        self.gamma = nn.Parameter(torch.ones(1, 4, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, 4))


def swin():
    sizes = {"img_size": 32, "patch_size": 4, "window_size": 4, "embed_dim": 16}
    return timm_model("swin_tiny_patch4_window7_224", **sizes, depths=(1,), num_heads=(2,))


MODELS = {
    "vit": vit,
    "vit with a table of relative biases": lambda: timm_model(
        "vit_relpos_small_patch16_224",
        img_size=16,
        patch_size=8,
        embed_dim=16,
        depth=1,
        num_heads=2,
    ),
    "distilled deit": lambda: timm_model(
        "deit_tiny_distilled_patch16_224",
        img_size=16,
        patch_size=8,
        embed_dim=16,
        depth=1,
        num_heads=2,
    ),
    "swin": swin,
    "class attention": lambda: timm_model(
        "cait_xxs24_224", img_size=16, patch_size=8, embed_dim=16, depth=1, num_heads=2
    ),
    "tokens": Tokens,
    "multi-head attention": lambda: nn.MultiheadAttention(8, 2, add_bias_kv=True),
    "different key and value sizes": lambda: nn.MultiheadAttention(8, 2, kdim=4, vdim=4),
    "transformer layer": lambda: nn.TransformerEncoderLayer(8, 2, 16),
    "recurrent": lambda: nn.GRU(4, 4),
    "convolutions": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ConvTranspose2d(2, 1, 3), nn.PReLU()
    ),
    "spectral norm": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)),
    "weight norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
}
STAY = ("token", "embed", "table", "bias", "scale", "gamma", "query", "latents")


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_what_moves_is_what_the_official_code_moves(build):
    model = build()
    found = set(kernels(model))
    assert found == official(model)
    assert found
    assert not [name for name in found if any(word in name.split(".")[-1] for word in STAY)]


def test_a_vit_s_tokens_and_embeddings_stay_during_training():
    model, asked = vit(), []
    images, labels = torch.rand(2, 3, 16, 16), torch.tensor([0, 1])
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    def objective(predict):
        asked.append(predict)
        return nn.functional.cross_entropy(predict(images), labels)

    hooked = []
    model.patch_embed.register_forward_hook(lambda *_: hooked.append(model.cls_token.clone()))
    loss = at_worst_weights(model, objective, 0.05)
    assert float(loss.detach()) > float(objective(model).detach())
    assert len(asked) == 3
    assert all(torch.equal(token, before["cls_token"]) for token in hooked)


def test_names_of_modules_make_no_parameter_a_weight():
    model = nn.ModuleDict({"weighting": Tokens()})
    assert all(name.endswith("weight") for name in kernels(model))


def test_a_model_without_such_weights_is_refused():
    model = nn.ParameterDict({"kernel": nn.Parameter(torch.ones(2, 2)), "weight": torch.ones(3)})
    with pytest.raises(InputError, match="no weights to perturb"):
        kernels(model)
