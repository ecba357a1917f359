"""Calling a model at other weights, and the worst weights nearby.

Weights are displaced functionally: the model's own never change, so nothing has to be restored, and
the gradient at the displaced weights is that of the model's own parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from models_zoo.errors import InputError
from models_zoo.functional_call import functional_call

Predict = Callable[[Tensor], Tensor]
"""From images (N, C, H, W) to logits (N, classes)."""


def kernels(model: nn.Module) -> dict[str, Tensor]:
    """The tensors to displace: matrices and convolution kernels, by name.

    As in the official code of Wu et al. 2020, these are the parameters of more than one dimension
    whose name contains "weight". Biases and batch norm's scales have one dimension and are left
    out, and so are class tokens, position embeddings and tables of position biases, which are not
    layers' weights.

    Args:
        model: any module.

    Raises:
        InputError: no parameter of more than one dimension has "weight" in its name.
    """
    chosen: dict[str, Tensor] = {
        name: weight
        for name, weight in model.named_parameters()
        if weight.ndim > 1 and "weight" in _own_name(name)
    }
    if not chosen:
        raise InputError(
            "no weights to perturb: none of the model's parameters has two dimensions or more and "
            "'weight' in its name; train with a recipe that does not perturb weights"
        )
    return chosen


def _own_name(name: str) -> str:
    """A parameter's name in its layer; for a part of a parametrization, the name of the whole."""
    parts = name.split(".")
    return parts[parts.index("parametrizations") + 1] if "parametrizations" in parts else parts[-1]


def displaced(model: nn.Module, weights: Mapping[str, Tensor]) -> Predict:
    """The model with some tensors replaced; buffers are its own, and are updated."""
    return lambda images: functional_call(model, dict(weights), (images,))


def relative(weight: Tensor, direction: Tensor, radius: float) -> Tensor:
    """``direction`` scaled to norm ``radius * |weight|_2``; 0 if either norm is 0."""
    length = torch.linalg.vector_norm(direction)
    scale = radius * torch.linalg.vector_norm(weight) / length
    return direction * torch.where(length > 0, scale, torch.zeros_like(scale))


def at_worst_weights(
    model: nn.Module, objective: Callable[[Predict], Tensor], radius: float
) -> Tensor:
    """A loss at the weights one ascent step away: adversarial weight perturbation.

    ``v_l = radius |w_l| g_l / |g_l|`` for each kernel ``w_l`` with the loss's gradient ``g_l``, as
    in Wu et al. 2020, "Adversarial Weight Perturbation Helps Robust Generalization"
    (arXiv:2004.05884). The step's own forward pass uses copies of the buffers, so it does not
    change batch norm's statistics.

    Args:
        model: in train mode.
        objective: from a prediction function to the scalar loss; called twice.
        radius: norm of each kernel's displacement, relative to the kernel's own; at 0 the loss is
            that at the model's weights, bit for bit.

    Returns:
        The loss at ``w + v``, where ``v`` is a constant; its gradient is that at ``w + v``.
    """
    if not radius:
        return objective(model)
    weights = kernels(model)
    copies = {name: buffer.clone() for name, buffer in model.named_buffers()}
    loss = objective(displaced(model, copies))
    gradients = torch.autograd.grad(loss, list(weights.values()))
    with torch.no_grad():
        moves = [
            relative(weight, gradient, radius)
            for weight, gradient in zip(weights.values(), gradients, strict=True)
        ]
    moved = {name: w + v for (name, w), v in zip(weights.items(), moves, strict=True)}
    return objective(displaced(model, moved))
