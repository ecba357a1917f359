"""Greedy search of a sparse backdoor: one change after the other, the best of all that are tried.

Sources: the code of OneFlip (USENIX Security 2025, weights in float32) and of SoleFlip (weights in
8 bits): one flipped bit of the last linear layer and a trigger that activates its feature.
Differences: any layer and several changes; three splits; images of the target class do not count;
clean accuracy is part of the criterion, not a filter after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Goal, Splits, Trial, Trigger
from benchmark.attacks.sparse.any_layer import REACHES, AnyLayer
from benchmark.attacks.sparse.changes import Change, WorkingWeights
from benchmark.attacks.sparse.evaluation import EvaluationSet
from benchmark.attacks.sparse.last_layer import LastLayer
from benchmark.attacks.sparse.linear_calls import OutputLayer, output_layer
from benchmark.attacks.sparse.storage import Storage


@dataclass(frozen=True)
class SparseEffort:
    """Effort of a search.

    Attributes:
        trigger_steps: steps of Adam for an optimized trigger.
        starts: number of single changes for which a trigger is optimized, beside the one for the
            untouched weights.
        rounds: number of times that the trigger is optimized again for the changes found, and these
            are searched again for it.
        examples: maximum number of images of each of the first two splits.
        shortlist: number of changes in any layer that a step evaluates by forward passes; 0 for the
            last layer alone.
        deep_steps: number of steps that consider them.
        first_look: as ``shortlist``, where triggers and targets are compared before the whole
            search; by default the last layer alone.
        reaches: largest absolute values of new weights in any layer, relative to the largest of
            their tensor, each for as many of the shortlist.
    """

    trigger_steps: int = 60
    starts: int = 2
    rounds: int = 1
    examples: int = 256
    shortlist: int = 32
    deep_steps: int = 8
    first_look: int = 0
    reaches: tuple[float, ...] = REACHES


@dataclass(frozen=True)
class SparseState:
    """A number of changes and what they achieve on the images to select on.

    Attributes:
        changes: in the order in which they were found.
        trial: success and clean drop.
        merit: what the search ascends, on the images of the first two splits.
    """

    changes: tuple[Change, ...]
    trial: Trial
    merit: float


def search_states(
    splits: Splits,
    storage: Storage,
    trigger: Trigger,
    target: int,
    most: int,
    goal: Goal,
    effort: SparseEffort,
) -> Iterator[SparseState]:
    """Yield the untouched weights, then those after each further change.

    Args:
        splits: to optimize on, to select on and to measure on; the last is not looked at.
        storage: of the weights.
        trigger: what is stamped.
        target: the class that stamped images are to be classified as.
        most: maximum number of changes.
        goal: what counts as working.
        effort: of the search.
    """
    subject = splits.search
    images = EvaluationSet.of(splits, storage.untouched, trigger, target, effort.examples)
    working = WorkingWeights(storage.untouched)
    deep = AnyLayer(subject, images, storage, goal, effort.shortlist, effort.reaches)

    def forward() -> tuple[Tensor, OutputLayer | None]:
        """The logits, and the last linear layer if some of it may change."""
        found, last = output_layer(subject, images.images, working.tensors)
        return found, last if last is not None and last.name in storage.candidates else None

    logits, layer = forward()
    scale = images.scale(logits)
    changes: list[Change] = []
    taken: set[tuple[str, int, int]] = set()
    every = torch.arange(len(logits), device=logits.device)

    def state() -> SparseState:
        merit = images.merit(logits, every, scale, goal)
        return SparseState(tuple(changes), images.trial(logits), merit)

    yield state()
    while len(changes) < most:
        found: list[tuple[float, Change]] = []
        if layer is not None:
            found += LastLayer(images, layer, storage, goal).best(working, logits, taken, scale)
        if effort.shortlist and (layer is None or len(changes) < effort.deep_steps):
            other = deep.best(working, taken, scale, layer.name if layer else None)
            found += [other] if other else []
        if not found:
            return
        _, change = max(found, key=lambda each: each[0])
        working.write([change])
        changes.append(change)
        taken.add((change.name, change.entry, change.option if storage.repeats else -1))
        if layer is not None and change.name == layer.name:
            logits = layer.logits(working.tensors[layer.name])
        else:
            logits, layer = forward()
        yield state()
