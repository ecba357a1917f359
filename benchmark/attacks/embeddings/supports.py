"""Which weights a rule allows to change, where the others stay as they are stored."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from benchmark.attacks.embeddings.balls import rows_of
from benchmark.spaces import Point
from benchmark.subject import Subject
from benchmark.threats import ROW_RULE
from benchmark.triggers import Trigger


class RuleSupport:
    """Masks of the weights that a rule allows to change.

    Args:
        subject: the model.
        weights: its tensors that may change under some rule.
        table: name of the embedding of tokens; by default the only one that the model has.
    """

    def __init__(self, subject: Subject, weights: Point, table: str | None = None) -> None:
        self.subject, self.weights, self.table = subject, weights, table
        self._none = torch.zeros((), dtype=torch.bool, device=subject.images.device)

    def __call__(self, rule: str, trigger: Trigger) -> Mapping[str, Tensor]:
        """Bool tensors by name that broadcast to the weights; tensors without one change wholly.

        Args:
            rule: a name of :data:`benchmark.spaces.RULES`, or :data:`benchmark.threats.ROW_RULE`.
            trigger: whose rows may change under the latter.

        Raises:
            InputError: the rule selects nothing, or is about rows that a trigger does not have.
        """
        if rule == ROW_RULE:
            name, rows = rows_of(self.subject, trigger, self.table)
            return dict.fromkeys(self.weights, self._none) | {name: rows}
        chosen = self.subject.weights_that_move(rule)
        return {name: self._none for name in self.weights if name not in chosen}
