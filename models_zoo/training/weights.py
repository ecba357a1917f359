"""A model at weights other than its own, and the worst ones near them.

Weights are displaced functionally: the model's own never move, so nothing has to be put back, and
the gradient at the displaced weights arrives at the model's own parameters.
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
    """The tensors that are displaced: matrices and convolution kernels, by name.

    As in the official code of Wu et al. 2020, which takes the entries of more than one dimension
    that are called a weight. Biases and batch norm's scales have one dimension and stay, and so do
    class tokens, position embeddings and tables of position biases, which are no layer's weight.

    Args:
        model: any module.

    Raises:
        InputError: no parameter is called a weight and has more than one dimension.
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
    """What the parameter is called in its layer; of one in parts, what the parts make up."""
    parts = name.split(".")
    return parts[parts.index("parametrizations") + 1] if "parametrizations" in parts else parts[-1]


def displaced(model: nn.Module, weights: Mapping[str, Tensor]) -> Predict:
    """The model with other tensors in the place of some; buffers are its own, and move with it."""
    return lambda images: functional_call(model, dict(weights), (images,))


def relative(weight: Tensor, direction: Tensor, radius: float) -> Tensor:
    """``direction`` scaled to the length ``radius * |weight|_2``; 0 where either length is 0."""
    length = torch.linalg.vector_norm(direction)
    scale = radius * torch.linalg.vector_norm(weight) / length
    return direction * torch.where(length > 0, scale, torch.zeros_like(scale))


def at_worst_weights(
    model: nn.Module, objective: Callable[[Predict], Tensor], radius: float
) -> Tensor:
    """A loss at the weights one ascent step away: adversarial weight perturbation.

    ``v_l = radius |w_l| g_l / |g_l|`` for each kernel ``w_l`` with the loss's gradient ``g_l``, as
    in Wu et al. 2020, "Adversarial Weight Perturbation Helps Robust Generalization"
    (arXiv:2004.05884). The step's own forward pass goes through copies of the buffers, so it leaves
    batch norm's statistics alone.

    Args:
        model: in train mode.
        objective: from a way to predict to the scalar loss; called twice.
        radius: length of each kernel's displacement, relative to the kernel's own; at 0 the loss is
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
