"""Every single change of the last linear layer, evaluated from cached features.

A changed entry ``W[c, i]`` adds ``(w' - w) f_i`` to logit ``c`` of every image: an update of rank
one, exact but for rounding. With thresholds per image, what it does to the prediction needs that
logit alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import replace

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Goal
from benchmark.attacks.sparse.changes import Change, WorkingWeights
from benchmark.attacks.sparse.evaluation import EvaluationSet
from benchmark.attacks.sparse.linear_calls import OutputLayer
from benchmark.attacks.sparse.storage import Storage

MAX_RIVALS = 2
"""Maximum number of classes other than the target whose rows are searched, the most frequent
predictions for stamped images."""

CHUNK = 250_000
"""Numbers per tensor when candidates are evaluated, few enough for a processor's cache."""

LARGEST_LOGIT = 1e30
"""Largest change of a logit that is evaluated."""

RERANKED = 16
"""Candidates that are evaluated on both splits."""


class LastLayer:
    """Evaluates changes of the last linear layer on an evaluation set.

    Args:
        images: the images and what counts.
        layer: the layer with the features of all images.
        storage: of the weights.
        goal: what counts as working.
    """

    def __init__(
        self, images: EvaluationSet, layer: OutputLayer, storage: Storage, goal: Goal
    ) -> None:
        self.images, self.layer, self.storage, self.goal = images, layer, storage, goal
        self.features = layer.features.nan_to_num(0, 0, 0)
        self.largest = self.features.abs().amax(0).clamp_min(1)

    def best(
        self,
        working: WorkingWeights,
        logits: Tensor,
        taken: Set[tuple[str, int, int]],
        scale: float,
        count: int = 1,
    ) -> list[tuple[float, Change]]:
        """The best single changes, by their merit on the images of both splits.

        They are ranked on the images to optimize on, and the first :data:`RERANKED` of different
        entries again on all.

        Args:
            working: the present weights.
            logits: (N, K) of all images with them.
            taken: changes that may not be made, by tensor, entry and option; the option is -1
                where the entry may not be changed at all.
            scale: of margins.
            count: maximum number of changes.
        """
        found: list[tuple[float, Change]] = []
        searched = self.images.searched.nonzero().squeeze(1)
        for row in self._rows(logits):
            found += self._of_row(row, working, logits, taken, scale, searched)
        first = [change for _, change in _of_different_entries(found, RERANKED)]
        again = self._ranked_on_all(
            [near for change in first for near in (change, *self._near(change))],
            working,
            logits,
            scale,
        )
        return again[:count]

    def _rows(self, logits: Tensor) -> list[int]:
        """The target's row, and those of the classes that stamped images are given most often."""
        target = self.images.target
        predicted = logits[self.images.stamped].argmax(1)
        frequent = predicted[predicted != target].bincount(minlength=logits.shape[1])
        order = frequent.argsort(descending=True, stable=True)[:MAX_RIVALS].tolist()
        return [target, *(row for row in order if frequent[row] > 0)]

    def _of_row(
        self,
        row: int,
        working: WorkingWeights,
        logits: Tensor,
        taken: Set[tuple[str, int, int]],
        scale: float,
        images: Tensor,
    ) -> list[tuple[float, Change]]:
        """The best option of each of the best entries of a row."""
        name, width = self.layer.name, self.layer.features.shape[1]
        entries = torch.arange(row * width, (row + 1) * width, device=logits.device)
        deltas = self._deltas(row, working.values(name, entries), taken)
        places, options = deltas.isfinite().nonzero(as_tuple=True)
        effects = _Effects(self.images, logits[images], images, row, scale)
        own, features = logits[images, row].nan_to_num(0, 0, 0), self.features[images].T
        features = features.contiguous()
        merits = torch.full_like(deltas, -torch.inf, dtype=torch.float64)
        for part in torch.split(torch.arange(len(places)), max(CHUNK // max(len(images), 1), 1)):
            which, how = places[part], options[part]
            moved = torch.addcmul(own, deltas[which, how].unsqueeze(1), features[which])
            merits[which, how] = effects.merit(moved, self.goal)
        top, option = merits.max(1)
        order = top.argsort(descending=True, stable=True)[:RERANKED].tolist()
        values = self.storage.options(name, working.values(name, entries))
        return [
            (
                float(top[place]),
                Change(
                    name,
                    row * width + place,
                    int(option[place]),
                    float(values[place, int(option[place])]),
                ),
            )
            for place in order
            if top[place] > -torch.inf
        ]

    def _deltas(self, row: int, values: Tensor, taken: Set[tuple[str, int, int]]) -> Tensor:
        """By how much each option changes an entry of a row, (d, options); NaN if it is left out.

        Left out are changes with which a logit might overflow. Where no feature is negative, only a
        larger weight of the target or a smaller one of another class can help.
        """
        name, width = self.layer.name, len(values)
        deltas = self.storage.options(name, values) - values[:, None]
        wanted = (deltas != 0) & (deltas.abs() < LARGEST_LOGIT / self.largest[:, None])
        if bool((self.features >= 0).all()):
            wanted &= (deltas > 0) == (row == self.images.target)
        if (allowed := self.storage.may_change(name)) is not None:
            wanted &= allowed[row * width : (row + 1) * width, None]
        for which, entry, option in taken:
            place = entry - row * width
            if which == name and 0 <= place < width:
                wanted[place, slice(None) if option < 0 else option] = False
        return torch.where(wanted, deltas, torch.nan)

    def _near(self, change: Change) -> list[Change]:
        return [
            replace(change, value=each) for each in self.storage.near(change.name, change.value)
        ]

    def _ranked_on_all(
        self, changes: list[Change], working: WorkingWeights, logits: Tensor, scale: float
    ) -> list[tuple[float, Change]]:
        """Changes with their merits on the images of both splits, the best first."""
        every = torch.arange(len(logits), device=logits.device)
        width = self.layer.features.shape[1]
        found: list[tuple[float, Change]] = []
        for row in sorted({change.entry // width for change in changes}):
            mine = [change for change in changes if change.entry // width == row]
            entries = torch.tensor([change.entry for change in mine], device=logits.device)
            values = logits.new_tensor([change.value for change in mine])
            deltas = values - working.values(self.layer.name, entries)
            features = self.features[:, entries - row * width].T
            own = logits[:, row].nan_to_num(0, 0, 0)
            moved = torch.addcmul(own, deltas.unsqueeze(1), features)
            effects = _Effects(self.images, logits, every, row, scale)
            merits = effects.merit(moved, self.goal).tolist()
            found += zip(merits, mine, strict=True)
        return sorted(found, key=lambda each: -each[0])


class _Effects:
    """What another logit of one class does to the prediction of each image.

    Args:
        images: the images and what counts.
        logits: (R, K) of some of them.
        rows: their indices (R,).
        changed: the class.
    """

    def __init__(
        self, images: EvaluationSet, logits: Tensor, rows: Tensor, changed: int, scale: float
    ) -> None:
        labels = images.labels[rows]
        without = logits.scatter(1, labels[:, None], -torch.inf)
        without[:, changed] = -torch.inf
        # The margin is `min(moved - rival, inf)` where the class is the image's own, and
        # `min(own - rival, own - moved)` where it is not.
        rival, own = without.amax(1), logits.gather(1, labels[:, None]).squeeze(1)
        is_own = labels == changed
        defined = logits.isfinite().all(1)
        sign = torch.where(is_own, 1.0, -1.0).to(logits) / scale
        self.sign = torch.where(defined, sign, 0.0)
        self.shift = torch.where(defined, torch.where(is_own, -rival, own) / scale, -torch.inf)
        self.most = torch.where(is_own, torch.inf, (own - rival) / scale).nan_to_num(torch.inf)
        self.weighing = images.weighing(rows, scale)

    def merit(self, moved: Tensor, goal: Goal) -> Tensor:
        """As :meth:`Weighing.merit`, for finite logits (..., R) of the changed class."""
        over = torch.addcmul(self.shift, moved, self.sign).clamp_(max=self.most)
        return self.weighing.merit(over, goal)


def _of_different_entries(
    found: Iterable[tuple[float, Change]], count: int
) -> list[tuple[float, Change]]:
    """The first of each entry, at most ``count``."""
    first = {(change.name, change.entry): (value, change) for value, change in reversed([*found])}
    return sorted(first.values(), key=lambda each: -each[0])[:count]
