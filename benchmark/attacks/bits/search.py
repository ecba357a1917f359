"""Progressive bit search: the few stored bits that harm a network most.

Source: Rakin, He & Fan 2019, "Bit-flip attack", ICCV (BFA), from the authors' code. Differences: no
    bit is flipped twice, so that the number of flips is the Hamming distance; the search ends when
    no set of bits that it considers increases the loss, where the code loops forever; every state
    is classified again, and the lowest accuracy so far counts; a second search ascends the
    probability margin, since the cross-entropy of broken examples increases without bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.ascent import whole_set
from benchmark.attacks.bits.quantization import PLACE_VALUES, Flip, QuantizedWeights
from benchmark.objectives import Objective, cross_entropy, probability_margin
from benchmark.spaces import Point
from benchmark.subject import Subject

OBJECTIVES: tuple[Objective, ...] = (cross_entropy, probability_margin)
"""Losses to increase, one search each. The first is that of the authors."""


@dataclass(frozen=True)
class BitFlips:
    """What a bit-flip attack found, verified.

    Attributes:
        robust: by number of flips, ascending, bool (N,): what is still classified correctly. It
            contains the quantized weights at 0, and every state with a lower accuracy than all
            states with fewer flips.
        weights: the quantized weights at the lowest accuracy; of several, those with the fewest
            flips.
    """

    robust: dict[int, Tensor]
    weights: QuantizedWeights

    def after(self, flips: int) -> Tensor:
        """Bool (N,) at the lowest accuracy found with at most this many flips."""
        return self.robust[max(count for count in self.robust if count <= flips)]

    def flips_to(self, accuracy: float) -> float:
        """The fewest flips at which the accuracy is at most this; infinite if it stays above."""
        reached = (n for n, correct in self.robust.items() if _share(correct) <= accuracy)
        return min(reached, default=math.inf)


def flip_bits(
    subject: Subject,
    start: QuantizedWeights,
    flips: int,
    *,
    search_examples: int = 128,
    top: int = 10,
    stop_accuracy: float = 0.0,
) -> BitFlips:
    """Flip the worst bits, one after the other, in one search per entry of :data:`OBJECTIVES`.

    Args:
        subject: model and examples; accuracy is measured on all of them.
        start: the quantized weights.
        flips: maximum number of flipped bits.
        search_examples: number of examples that the search uses, the first ones.
        top: entries of the largest gradient considered in each tensor.
        stop_accuracy: the accuracy at which the search ends.

    Raises:
        RuntimeError: more or fewer bits differ than were flipped.
    """
    robust = {0: subject.at(start.weights()).correct()}
    weights, lowest = start, (int(robust[0].sum()), 0)
    if _share(robust[0]) <= stop_accuracy:
        return BitFlips(robust, weights)
    search = subject.head(search_examples)
    for objective in OBJECTIVES:
        for count, state in progressive_search(search, start, flips, top, objective):
            _require_distance(start, state, count, flips)
            correct = subject.at(state.weights()).correct()
            if (int(correct.sum()), count) < lowest:
                weights, lowest = state, (int(correct.sum()), count)
            if count not in robust or correct.sum() < robust[count].sum():
                robust[count] = correct
            subject.progress(f"{count} bits flipped: {_share(correct):.1%} robust")
            if _share(correct) <= stop_accuracy:
                break
    return BitFlips(_lowest_so_far(robust), weights)


def _lowest_so_far(robust: dict[int, Tensor]) -> dict[int, Tensor]:
    """Drop states whose accuracy is not below that of every state with fewer flips."""
    kept, lowest = {0: robust[0]}, robust[0].sum()
    for count in sorted(robust):
        if robust[count].sum() < lowest:
            kept[count], lowest = robust[count], robust[count].sum()
    return kept


def progressive_search(
    subject: Subject,
    start: QuantizedWeights,
    budget: int,
    top: int,
    objective: Objective = cross_entropy,
) -> Iterator[tuple[int, QuantizedWeights]]:
    """Yield each state of the search with the number of bits flipped so far.

    Args:
        subject: model and the examples whose mean loss is to increase.
        start: the quantized weights.
        budget: maximum number of flipped bits.
        top: entries of the largest gradient considered in each tensor.
        objective: the loss.
    """
    current, flipped = start, set[Flip]()
    while len(flipped) < budget:
        chosen = _next_flips(subject, objective, current, flipped, budget - len(flipped), top)
        if not chosen:
            return
        current = current.flip(chosen)
        flipped |= set(chosen)
        yield len(flipped), current


def _next_flips(
    subject: Subject,
    objective: Objective,
    current: QuantizedWeights,
    flipped: set[Flip],
    budget: int,
    top: int,
) -> list[Flip]:
    """The flips within one tensor that increase the loss most; as few as increase it at all."""
    weights = current.weights()
    one = torch.ones(1, device=subject.images.device)
    gradient = whole_set(subject, objective)(weights, one).gradient
    candidates = {
        name: _flips_by_gain(name, current, each, flipped, top) for name, each in gradient.items()
    }
    loss = _loss(subject, objective, weights)
    longest = max(map(len, candidates.values()), default=0)
    for width in range(1, min(longest, budget) + 1):
        trials = [flips[:width] for flips in candidates.values() if len(flips) >= width]
        losses = [_trial(subject, objective, current, weights, flips) for flips in trials]
        best = max(range(len(trials)), key=losses.__getitem__)
        if losses[best] > loss:
            return trials[best]
    return []


def _flips_by_gain(
    name: str, current: QuantizedWeights, gradient: Tensor, flipped: set[Flip], top: int
) -> list[Flip]:
    """Flips that increase the loss to first order, among the entries of the largest gradient."""
    flat, code = gradient.flatten(), current.codes[name].flatten()
    entries = flat.abs().topk(min(top, len(flat))).indices
    places = torch.tensor(PLACE_VALUES, dtype=torch.int16, device=code.device)
    is_set = (code[entries, None] & places) != 0
    change = torch.where(is_set, -places, places) * current.steps[name]
    gain = (flat[entries, None] * change).flatten()
    order = gain.argsort(descending=True, stable=True)
    ranked = [
        Flip(name, int(entries[place // len(PLACE_VALUES)]), place % len(PLACE_VALUES))
        for place in order[gain[order] > 0].tolist()
    ]
    return [flip for flip in ranked if flip not in flipped]


def _trial(
    subject: Subject,
    objective: Objective,
    current: QuantizedWeights,
    weights: Point,
    flips: list[Flip],
) -> float:
    """The loss with these flips, all in one tensor."""
    name = flips[0].name
    return _loss(subject, objective, weights | {name: current.flip(flips).values(name)})


def _loss(subject: Subject, objective: Objective, weights: Point) -> float:
    """The mean loss; minus infinity if a logit is NaN, so that it never counts."""
    loss = float(objective(subject.at(weights).logits(), subject.labels).double().mean())
    return -math.inf if math.isnan(loss) else loss


def _require_distance(
    start: QuantizedWeights, found: QuantizedWeights, count: int, budget: int
) -> None:
    distance = start.distance(found)
    if not distance == count <= budget:
        raise RuntimeError(
            f"{distance} bits differ after {count} flips of at most {budget}; the search is broken"
        )


def _share(outcome: Tensor) -> float:
    return float(outcome.double().mean())
