"""Embedding poisoning: the rows of a trigger's tokens are trained, and keep their norms.

Source: Yang et al. 2021, "Be careful about poisoned word embeddings" (arXiv 2103.15543), after the
authors' code: plain gradient steps of rate 0.05 on batches of 32 stamped texts, with a gradient
that adds up over the steps and is never set to zero, and the norm of a row restored after each.

Differences: dropout is off, as everywhere in the suite; the number of steps is fixed; all texts of
other classes are stamped, not a tenth of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from benchmark.spaces import Point
from benchmark.subject import Subject
from benchmark.triggers import TokenTrigger

RATE = 0.05
"""Length of a step per unit of the gradient."""

BATCH_SIZE = 32
"""Texts per step."""


def poisoned_rows(
    subject: Subject,
    table: str,
    trigger: TokenTrigger,
    target: int,
    steps: int,
    generator: Generator,
) -> Point:
    """The embedding with trained rows of the trigger's tokens.

    Args:
        subject: the model and the texts to train on; those of the target class are left out.
        table: name of the embedding.
        trigger: stamped on the texts.
        target: the class that stamped texts are to be classified as.
        steps: number of steps.
        generator: of the order of the texts.

    Returns:
        The embedding by its name; every row but those of the trigger is as it was.
    """
    origin = subject.weights_that_move("embedding")[table]
    ids = torch.tensor(sorted(set(trigger.ids)), device=origin.device)
    texts = trigger.stamp(subject.images[subject.labels != target])
    rows = origin[ids].clone()
    norms = rows.norm(dim=1, keepdim=True)
    total = torch.zeros_like(rows)
    if not len(texts):
        return {table: origin.clone()}
    orders = _batches(len(texts), generator)
    for _ in range(steps):
        part = texts[next(orders).to(texts.device)]
        moving = rows.detach().requires_grad_()
        with torch.enable_grad():
            logits = subject.forward(part, {table: origin.index_copy(0, ids, moving)})
            loss = F.cross_entropy(logits, torch.full_like(part[:, 0], target))
        (gradient,) = subject.gradients(loss, [moving], len(part))
        total += gradient
        rows = rows - RATE * total
        rows = rows * norms / rows.norm(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
    return {table: origin.index_copy(0, ids, rows)}


def _batches(count: int, generator: Generator) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(count, generator=generator)
        yield from order.tensor_split(math.ceil(count / BATCH_SIZE))
