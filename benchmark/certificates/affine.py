"""Linear and convolutional layers over enclosures, with perturbed weights.

For a layer ``W z + b`` over ``z = c + u + v`` (box ``r``, ball ``p``), with ``W + dW``, ``b + db``:

    (W + dW)(c + u + v) + b + db = [W c + b] + [W u] + [W v] + [dW (c + u)] + [dW v] + [db]

``W u`` is bounded entry by entry by ``|W| r`` and ``W v`` in length by ``|W|_2 p``. Where the
entries of ``dW`` are bounded by ``E``, ``dW (c + u)`` is by ``E (|c| + r)``, entry by entry
(interval bound propagation). Where only its length is, say ``|dW|_F <= R``, Cauchy-Schwarz over all
outputs at once bounds the length of ``dW (c + u)`` by ``R`` times that of ``|c| + r``; for a
convolution that is the length of all its patches. ``dW v`` is at most ``|dW|_F p``, times the root
of the number of patches a pixel lies in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.certificates.enclosure import Enclosure, norms
from benchmark.certificates.moving import (
    NO_DISPLACEMENT,
    DisplacementBound,
    UncertifiableError,
    bare,
)
from benchmark.certificates.norms import convolution_norm, matrix_norm
from benchmark.certificates.rounding import finite, relative_error, underflow
from benchmark.certificates.traversal import Traversal


@dataclass(frozen=True)
class Layer:
    """A linear layer on inputs of one shape. Bounds are in float64.

    Attributes:
        weight: kernel or matrix.
        bias: (outputs,), zeros where the layer has none.
        displacement: bound on the displacement of the weight.
        bias_displacement: bound on the displacement of the bias.
        apply: ``(input, weight) -> output`` without a bias.
        energy: (N, ...) to the l2 length (N,) of all patches of the input together.
        overlap: upper bound on the root of the number of patches that contain an entry.
        norm: upper bound on the spectral norm of the map.
        positions: number of outputs that share an entry of the bias.
    """

    weight: Tensor
    bias: Tensor
    displacement: DisplacementBound
    bias_displacement: DisplacementBound
    apply: Callable[[Tensor, Tensor], Tensor]
    energy: Callable[[Tensor], Tensor]
    overlap: float
    norm: float
    positions: int

    def shaped(self, bias: Tensor) -> Tensor:
        """The bias in a shape that broadcasts over an output."""
        return bias if self.positions == 1 and self.weight.ndim == 2 else bias.view(-1, 1, 1)

    @property
    def roundings(self) -> int:
        """Number of roundings of a term in a float32 sum of products and the bias, in any order.

        One for the product, one for each further product that is added and one for the bias; the
        last one is spare.
        """
        return self.weight[0].numel() + 2


def linear_layer(weight: Tensor, bias: Tensor | None, traversal: Traversal) -> Layer:
    """The layer of ``F.linear`` on inputs (N, features).

    Args:
        weight: (outputs, features); a :class:`MovingWeight` if it is perturbed.
        bias: (outputs,) or ``None``; a :class:`MovingWeight` if it is perturbed.
        traversal: has the spectral norms that are known.

    Raises:
        UncertifiableError: the layer does not compute in float32.
    """
    (matrix, displacement), (shift, shift_displacement) = _operands(weight, bias)
    norm = traversal.norm(matrix, "linear", lambda: matrix_norm(matrix))
    return Layer(
        weight=matrix.double(),
        bias=shift.double(),
        displacement=displacement,
        bias_displacement=shift_displacement,
        apply=F.linear,
        energy=norms,
        overlap=1.0,
        norm=norm,
        positions=1,
    )


def convolution_layer(
    weight: Tensor,
    bias: Tensor | None,
    size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
    traversal: Traversal,
) -> Layer:
    """The layer of ``F.conv2d`` on inputs (N, channels, *size), padded with zeros.

    Args:
        weight: (channels out, channels in / groups, kh, kw); a :class:`MovingWeight` if it is
            perturbed.
        bias: (channels out,) or ``None``; a :class:`MovingWeight` if it is perturbed.
        size: height and width of the input.
        stride: in both directions.
        padding: in both directions.
        dilation: in both directions.
        groups: number of blocks of channels.
        traversal: has the spectral norms that are known.

    Raises:
        UncertifiableError: the layer does not compute in float32.
    """
    (kernel, displacement), (shift, shift_displacement) = _operands(weight, bias)
    norm = traversal.norm(
        kernel,
        (size, stride, dilation, groups),
        lambda: convolution_norm(kernel, size, stride, dilation, groups),
    )
    ones = torch.ones(1, 1, *kernel.shape[2:], dtype=torch.float64, device=kernel.device)

    def apply(values: Tensor, kernel: Tensor) -> Tensor:
        return F.conv2d(values, kernel, None, stride, padding, dilation, groups)

    def patches(values: Tensor) -> Tensor:
        squares = values.square().sum(1, keepdim=True)
        return F.conv2d(squares, ones, None, stride, padding, dilation)

    with torch.enable_grad():  # The derivative of a pixel is the number of patches that contain it.
        pixels = ones.new_ones(1, 1, *size).requires_grad_(True)
        counted = F.conv2d(pixels, ones, None, stride, padding, dilation)
        (counts,) = torch.autograd.grad(counted.sum(), pixels)
    return Layer(
        weight=kernel.double(),
        bias=shift.double(),
        displacement=displacement,
        bias_displacement=shift_displacement,
        apply=apply,
        energy=lambda values: patches(values).flatten(1).sum(1).sqrt(),
        overlap=float(counts.amax().sqrt()),
        norm=norm,
        positions=counted[0, 0].numel(),
    )


Bounded = tuple[Tensor, DisplacementBound]
"""A plain tensor and the bound on its displacement."""


def _operands(weight: Tensor, bias: Tensor | None) -> tuple[Bounded, Bounded]:
    """Both operands of a layer, zeros for a bias that it does not have."""
    bounded = bare(weight)
    matrix = bounded[0]
    shift = bare(bias) if bias is not None else (matrix.new_zeros(len(matrix)), NO_DISPLACEMENT)
    if not matrix.dtype == shift[0].dtype == torch.float32:
        raise UncertifiableError(f"no bound is known for layers that compute in {matrix.dtype}")
    if torch.is_autocast_enabled(matrix.device.type):
        raise UncertifiableError("no bound is known for layers that compute under autocast")
    return bounded, shift


def propagate(z: Enclosure, layer: Layer) -> Enclosure:
    """An enclosure of the layer's outputs, for all weights in the ball and in float32."""
    if bool(z.box.any()):
        center, box = z.interval.mapped(layer.weight, layer.apply)
    else:
        center = layer.apply(z.center, layer.weight)
        box = torch.zeros_like(center)
    center, ball = center + layer.shaped(layer.bias), layer.norm * z.ball
    energy = layer.energy(z.magnitude)
    size, shared = energy + layer.overlap * z.ball, layer.positions**0.5
    if layer.displacement.entries is None:
        ball = ball + layer.displacement.norm * size
    else:
        box = box + layer.apply(z.magnitude, layer.displacement.entries)
        ball = ball + layer.displacement.norm * layer.overlap * z.ball
    if layer.bias_displacement.entries is None:
        ball = ball + shared * layer.bias_displacement.norm
    else:
        box = box + layer.shaped(layer.bias_displacement.entries)
    weight = float(torch.linalg.vector_norm(layer.weight)) + layer.displacement.norm
    bias = float(torch.linalg.vector_norm(layer.bias)) + layer.bias_displacement.norm
    sums = weight * size + shared * bias
    return Enclosure(center, box, ball).rounded(layer.roundings, sums, weight + size)


def least_margins(z: Enclosure, layer: Layer, labels: Tensor) -> Tensor:
    """(N,), lower bounds of the margins ``z_y - z_j`` after a last linear layer.

    The bound is of ``(W_y - W_j) z``, row by row, rather than of two logits on their own. Where
    only lengths are bounded, ``|dW_y - dW_j|_2 <= sqrt(2) R`` since both rows share ``R``.

    Args:
        z: enclosure of the layer's input, (N, features).
        layer: of :func:`linear_layer`.
        labels: int64 (N,).
    """
    weight, bias = layer.weight, layer.bias
    entries, shifts = layer.displacement.entries, layer.bias_displacement.entries
    energy, magnitude, root2 = z.size, z.magnitude, 2.0**0.5
    lengths = torch.linalg.vector_norm(weight, dim=1)
    least = torch.full_like(z.ball, torch.inf)
    for j in range(len(weight)):
        rows = weight[labels] - weight[j]
        margin = (rows * z.center).sum(1) + bias[labels] - bias[j]
        margin = margin - (rows.abs() * z.box).sum(1) - norms(rows) * z.ball
        if entries is None:
            apart = torch.full_like(z.ball, root2 * layer.displacement.norm)
            margin = margin - apart * energy
        else:
            both = entries[labels] + entries[j]
            apart = norms(both)
            margin = margin - (both * magnitude).sum(1) - apart * z.ball
        if shifts is None:
            margin = margin - root2 * layer.bias_displacement.norm
        else:
            margin = margin - shifts[labels] - shifts[j]
        largest = lengths[labels] + lengths[j] + root2 * layer.displacement.norm
        moved = bias[labels].abs() + bias[j].abs() + root2 * layer.bias_displacement.norm
        sums = largest * energy + moved
        error = relative_error(layer.roundings) * sums
        # One entry each of two outputs.
        error = error + 2 * underflow(layer.roundings, 1, largest + energy + sums)
        margin = margin - finite(error, sums + energy)
        least = torch.minimum(least, margin.masked_fill(labels == j, torch.inf))
    return least
