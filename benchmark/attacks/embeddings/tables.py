"""The embedding of a model's tokens, and the rows of some of them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from benchmark.spaces import Point
from benchmark.subject import Subject
from models_zoo.errors import InputError


def table_of(subject: Subject, vocabulary: int | None = None) -> str:
    """The name of the embedding: the parameter of which token ids choose rows.

    Args:
        subject: the model.
        vocabulary: number of token ids; by default any.

    Raises:
        InputError: there is none with a row for each id, or there are several.
    """
    found = [
        name
        for name, table in subject.weights_that_move("embedding").items()
        if table.ndim == 2 and vocabulary in (None, len(table))
    ]
    if len(found) != 1 and vocabulary is None:
        raise InputError(
            f"the model has {len(found) or 'no'} embeddings of which token ids choose rows, and "
            "one is needed; choose another rule"
        )
    if len(found) != 1:
        raise InputError(
            f"the model has {len(found) or 'no'} embeddings with a row for each of the "
            f"{vocabulary:,} words of the vocabulary; name its vocabulary in the battery"
        )
    return found[0]


def row_support(table: Tensor, ids: Iterable[int]) -> Tensor:
    """Bool (V, 1): which rows of an embedding (V, D) belong to some ids."""
    rows = torch.zeros(len(table), 1, dtype=torch.bool, device=table.device)
    rows[sorted(set(ids))] = True
    return rows


def relative_move(origin: Tensor, weights: Point, name: str, ids: Iterable[int]) -> float:
    """The l2 norm of the change of some rows, relative to that of the rows.

    Args:
        origin: the embedding (V, D).
        weights: with the changed embedding.
        name: of the embedding.
        ids: of the rows.
    """
    rows = sorted(set(ids))
    before, after = origin[rows].double(), weights[name][rows].double()
    return float((after - before).norm() / before.norm().clamp_min(torch.finfo(torch.float64).tiny))
