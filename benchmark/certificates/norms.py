"""Spectral norms of linear layers, bounded from above."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SINGULAR_VALUE_ROUNDING = 1 + 1e-9
"""Factor that covers the rounding of float64 singular values."""

MAX_SPECTRUM_OPERATIONS = 3e8
"""Maximum number of multiply-adds for a convolution's spectrum; beyond it only the cheaper bound is
computed."""


def matrix_norm(matrix: Tensor) -> float:
    """Spectral norm of a matrix (rows, columns)."""
    rows, columns = matrix.shape
    sizes = matrix.double().abs()
    cheap = _between(sizes.sum(1).amax(), sizes.sum(0).amax())
    if rows * columns * min(rows, columns) > 10 * MAX_SPECTRUM_OPERATIONS:
        return cheap
    return min(
        cheap, SINGULAR_VALUE_ROUNDING * float(torch.linalg.matrix_norm(matrix.double(), ord=2))
    )


def convolution_norm(
    kernel: Tensor,
    size: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> float:
    """An upper bound of a zero-padded convolution's spectral norm.

    A zero-padded convolution is a submatrix of the convolution on a torus that is large enough for
    nothing to wrap around, which is block-diagonal under the Fourier transform (Sedghi, Gupta &
    Long 2019). A stride keeps every s-th output, which folds aliased frequencies into one block,
    with a factor of 1 / s in each direction. The result is the smaller of this norm and
    ``sqrt(norm_1 * norm_inf)``.

    Args:
        kernel: (channels out, channels in / groups, kh, kw).
        size: height and width of the input.
        stride: in both directions.
        dilation: in both directions.
        groups: number of blocks of channels.
    """
    # Column sums of the kernel: an input contributes to each output of its group at most once per
    # tap.
    grouped = kernel.double().view(groups, -1, *kernel.shape[1:])
    by_row = kernel.double().abs().flatten(1).sum(1).amax()
    by_column = grouped.abs().sum(dim=(1, 3, 4)).amax()
    cheap = _between(by_row, by_column)
    spread = _dilated(kernel.double(), dilation)
    torus = [
        s * math.ceil((length + k - 1) / s)
        for length, k, s in zip(size, spread.shape[2:], stride, strict=True)
    ]
    outs, ins = kernel.shape[0] // groups, kernel.shape[1] * stride[0] * stride[1]
    work = groups * math.prod(torus) / math.prod(stride) * outs * ins * min(outs, ins)
    if work > MAX_SPECTRUM_OPERATIONS:
        return cheap
    blocks = torch.cat([_folded_spectrum(part, torus, stride) for part in spread.chunk(groups)])
    return min(
        cheap, SINGULAR_VALUE_ROUNDING * float(torch.linalg.matrix_norm(blocks, ord=2).amax())
    )


def _between(by_row: Tensor, by_column: Tensor) -> float:
    """``norm_2 <= sqrt(norm_inf * norm_1)``."""
    return SINGULAR_VALUE_ROUNDING * math.sqrt(float(by_row) * float(by_column))


def _dilated(kernel: Tensor, dilation: tuple[int, int]) -> Tensor:
    """The same kernel with the zeros between its taps written out."""
    if tuple(dilation) == (1, 1):
        return kernel
    extent = [d * (k - 1) + 1 for d, k in zip(dilation, kernel.shape[2:], strict=True)]
    spread = kernel.new_zeros(*kernel.shape[:2], *extent)
    spread[:, :, :: dilation[0], :: dilation[1]] = kernel
    return spread


def _folded_spectrum(kernel: Tensor, torus: list[int], stride: tuple[int, int]) -> Tensor:
    """The blocks (frequencies, channels out, aliases * channels in) of the strided convolution."""
    spectrum = torch.fft.fft2(kernel, s=torus).contiguous()
    outs, ins = kernel.shape[:2]
    (s, t), (height, width) = stride, torus
    folded = spectrum.view(outs, ins, s, height // s, t, width // t)
    blocks = folded.permute(3, 5, 0, 2, 4, 1).reshape(-1, outs, s * t * ins)
    scaled: Tensor = blocks / math.sqrt(s * t)
    return scaled
