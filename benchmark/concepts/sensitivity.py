"""How test images and their logits respond to concept vectors: margins and derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.concepts.layers import Layer, flat, replaced
from benchmark.concepts.vectors import Directions
from benchmark.subject import Subject


@dataclass(frozen=True)
class Responses:
    """Of N images to V concept vectors.

    Attributes:
        margins: float64 (N, V), ``w @ a + b`` of the activations of each image.
        derivatives: float64 (N, V), of the logit of each image's own class along each vector.
    """

    margins: Tensor
    derivatives: Tensor


def respond(subject: Subject, layer: Layer, directions: Directions) -> Responses:
    """Margins and directional derivatives of a subject's examples, batch by batch.

    ``S(x) = grad_a h_y(a) . w`` at the activations ``a`` of an image ``x`` with label ``y``, where
    ``h_y`` is the logit of ``y`` as a function of the activations (Kim et al. 2018). Where an
    activation or a derivative is not finite, it counts as 0.

    Args:
        subject: model and examples.
        layer: of the model.
        directions: of the layer's activations.
    """
    margins, derivatives = [], []
    for part in subject.batches():
        acts, gradients = _at_layer(subject, layer, subject.images[part], subject.labels[part])
        margins.append(acts @ directions.weights.T + directions.biases)
        derivatives.append(gradients @ directions.weights.T)
    return Responses(torch.cat(margins), torch.cat(derivatives))


def _at_layer(
    subject: Subject, layer: Layer, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Activations and gradients of the labels' logits by them, float64 (B, d) both."""
    found: list[Tensor] = []

    def cut(output: Tensor) -> Tensor:
        leaf = output.detach().clone().requires_grad_()
        found.append(leaf)
        return leaf.clone()  # a module that follows may change its input in place

    with torch.enable_grad(), replaced(subject, layer, cut):
        logits = subject.forward(images)
        own = logits.gather(1, labels[:, None]).sum()
        (leaf,) = found
        (gradients,) = subject.gradients(own, [leaf], len(images))
    return flat(leaf), flat(gradients)


def tcav_scores(derivatives: Tensor) -> Tensor:
    """The share of images with a positive derivative, float64 (V,).

    Args:
        derivatives: (N, V), N at least 1.
    """
    return (derivatives > 0).double().mean(0)
