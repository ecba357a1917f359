"""Changes of weights in any layer: a shortlist of first order, evaluated by forward passes."""

from __future__ import annotations

import math
from collections.abc import Set

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Goal
from benchmark.attacks.sparse.changes import Change, WorkingWeights
from benchmark.attacks.sparse.evaluation import EvaluationSet
from benchmark.attacks.sparse.linear_calls import Replay
from benchmark.attacks.sparse.storage import Storage
from benchmark.objectives import cross_entropy
from benchmark.subject import Subject

REACHES = (1.0, 16.0)
"""Largest absolute values of the new weights in the equal parts of a shortlist, relative to the
largest of their tensor, by default. First-order gains grow with the size of a change, and without a
limit flips of the highest exponent bits, which destroy every output, would be all of the
shortlist."""

ROW_REACHES = (*REACHES, 1024.0, math.inf)
"""The same where only rows of an embedding may change: no value is too large for inputs that do not
use them."""

CONFIRMED = 3
"""Candidates that are evaluated on all images after a first look on a few."""


class AnyLayer:
    """Evaluates changes of all tensors on an evaluation set.

    Args:
        subject: the model.
        images: the images and what counts.
        storage: of the weights.
        goal: what counts as working.
        shortlist: number of candidates of a step.
        reaches: as :data:`REACHES`.
    """

    def __init__(
        self,
        subject: Subject,
        images: EvaluationSet,
        storage: Storage,
        goal: Goal,
        shortlist: int,
        reaches: tuple[float, ...] = REACHES,
    ) -> None:
        self.subject, self.images, self.storage, self.goal = subject, images, storage, goal
        self.shortlist, self.reaches = shortlist, reaches

    def best(
        self,
        working: WorkingWeights,
        taken: Set[tuple[str, int, int]],
        scale: float,
        without: str | None = None,
    ) -> tuple[float, Change] | None:
        """The best single change by its merit on the images of both splits.

        Args:
            working: the present weights.
            taken: as for :meth:`LastLayer.best`.
            scale: of margins.
            without: name of a tensor that is left out.
        """
        candidates = self._shortlist(working, taken, without)
        if not candidates:
            return None
        few = self.images.screened
        replay = Replay(self.subject, self.images.images[few], working.tensors)
        looked = []
        for change in candidates:
            with working.changed([change]):
                logits = replay.after(change.name)
            looked.append((self.images.merit(logits, few, scale, self.goal), change))
        looked.sort(key=lambda each: -each[0])
        every = torch.arange(len(self.images.images), device=few.device)
        found = []
        for _, change in looked[:CONFIRMED]:
            with working.changed([change]) as weights:
                logits = self.subject.at(weights).logits(self.images.images)
            found.append((self.images.merit(logits, every, scale, self.goal), change))
        return max(found, key=lambda each: each[0])

    def _shortlist(
        self, working: WorkingWeights, taken: Set[tuple[str, int, int]], without: str | None
    ) -> list[Change]:
        """Changes of the largest first-order gain, as many of each tensor, for each reach."""
        gradient = self._gradient(working, without)
        each = max(self.shortlist // (len(self.reaches) * max(len(gradient), 1)), 1)
        found = []
        for reach in self.reaches:
            for name, gradients in gradient.items():
                flat = gradients.flatten()
                if (allowed := self.storage.may_change(name)) is not None:
                    flat = torch.where(allowed, flat, 0.0)  # without a gain, which is no candidate
                entries = flat.abs().topk(min(4 * each, len(flat))).indices
                found += self._of_tensor(name, flat[entries], entries, working, taken, reach, each)
        found.sort(key=lambda each: -each[0])
        return list(dict.fromkeys(change for _, change in found))[: self.shortlist]

    def _of_tensor(
        self,
        name: str,
        gradients: Tensor,
        entries: Tensor,
        working: WorkingWeights,
        taken: Set[tuple[str, int, int]],
        reach: float,
        count: int,
    ) -> list[tuple[float, Change]]:
        """The options of the largest first-order gain, one per entry."""
        values = working.values(name, entries)
        options = self.storage.options(name, values)
        bounded = options.abs() <= reach * self.storage.largest[name]
        gains = torch.where(bounded, gradients[:, None] * (options - values[:, None]), -torch.inf)
        for place, entry in enumerate(entries.tolist()):
            for taken_option in range(gains.shape[1]):
                if (name, entry, taken_option) in taken or (name, entry, -1) in taken:
                    gains[place, taken_option] = -torch.inf
        top, option = gains.nan_to_num(-torch.inf, torch.inf, -torch.inf).max(1)
        order = top.argsort(descending=True, stable=True)[:count].tolist()
        return [
            (
                float(top[place]),
                Change(
                    name,
                    int(entries[place]),
                    int(option[place]),
                    float(options[place, int(option[place])]),
                ),
            )
            for place in order
            if top[place] > 0
        ]

    def _gradient(self, working: WorkingWeights, without: str | None) -> dict[str, Tensor]:
        """Of minus the mean cross-entropies, stamped to the target and clean to the true class."""
        rows = self.images.searched.nonzero().squeeze(1)
        total: dict[str, Tensor] = {}
        names = [name for name in self.storage.candidates if name != without]
        if not names:
            return total
        for part in torch.split(rows, self.subject.batch_size):
            weights = {
                name: tensor.detach().requires_grad_(name in names)
                for name, tensor in working.tensors.items()
            }
            moving = {name: weights[name] for name in names}
            with torch.enable_grad():
                logits = self.subject.forward(self.images.images[part], weights)
                value = -cross_entropy(logits, self.images.labels[part]).sum()
            gradients = self.subject.gradients(value, list(moving.values()), len(part))
            for name, gradient in zip(moving, gradients, strict=True):
                total[name] = total[name] + gradient if name in total else gradient
        return total
