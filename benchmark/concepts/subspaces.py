"""Negatives that are orthogonal to the span of a concept's activations."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from models_zoo.errors import InputError

DEPENDENT = 1e-6
"""Directions whose singular value is below this share of the largest one count as dependent."""


def concept_basis(concept: Tensor) -> Tensor:
    """An orthonormal basis (d, r) of the span of activations, r at most n.

    The span of Gram-Schmidt's basis, from a singular value decomposition: nearly dependent
    activations do not leave arbitrary directions in it.

    Args:
        concept: float64 (n, d), activations of images of the concept.
    """
    _, values, rows = torch.linalg.svd(concept, full_matrices=False)
    # Not one direction is independent where all activations are zero.
    independent = (values > DEPENDENT * values[0]) & (values > 0)
    basis: Tensor = rows[independent].T.contiguous()
    return basis


def other_basis(concept: Tensor, directions: int, generator: Generator) -> Tensor:
    """An orthonormal basis (d, m) of random directions, orthogonal to a basis.

    Two passes of projection and QR: one leaves what rounding adds.

    Args:
        concept: orthonormal float64 (d, r).
        directions: m.
        generator: of the draws.

    Raises:
        InputError: d is below r + m.
    """
    width, rank = concept.shape
    require_wide_enough(width, rank, directions)
    basis = torch.randn(width, directions, generator=generator, dtype=torch.float64)
    for _ in range(2):
        basis = torch.linalg.qr(basis - concept @ (concept.T @ basis)).Q
    return basis


def orthogonal_negatives(
    concept: Tensor, directions: int, sets: int, generator: Generator
) -> Tensor:
    """Activations (k, n, d) in random directions that no activation of the concept has a part in.

    Each is a random combination of an orthonormal basis of such directions, with the norm of an
    activation of the concept drawn at random.

    Args:
        concept: float64 (n, d), activations of images of the concept.
        directions: number of directions of the basis.
        sets: k, number of sets, all of the same basis.
        generator: of the draws.

    Raises:
        InputError: d is below the concept's rank plus the number of directions.
    """
    count = len(concept)
    basis = other_basis(concept_basis(concept), directions, generator)
    parts = torch.randn(sets * count, directions, generator=generator, dtype=torch.float64)
    drawn = torch.randint(count, (sets * count,), generator=generator)
    norms = torch.linalg.vector_norm(concept, dim=1)[drawn]
    # The basis is orthonormal, so the parts have the norm of the activations.
    parts *= (norms / torch.linalg.vector_norm(parts, dim=1))[:, None]
    return (parts @ basis.T).reshape(sets, count, -1)


def require_wide_enough(width: int, images: int, directions: int) -> None:
    """Refuse activations without room for directions beside those of the concept.

    Raises:
        InputError: there is none.
    """
    if width < images + directions:
        raise InputError(
            f"activations of {width} numbers have no {directions} directions beside {images} of "
            "the concept; use fewer images or directions, or a wider layer"
        )
