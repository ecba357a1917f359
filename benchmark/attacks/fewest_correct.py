"""An objective over the whole set that records where the fewest examples were correct."""

from __future__ import annotations

from torch import Tensor

from benchmark.ascent import Evaluation, whole_set
from benchmark.objectives import Objective
from benchmark.spaces import Point
from benchmark.subject import Subject
from models_zoo.prediction import predicted_classes


class FewestCorrect:
    """The mean of an objective over the whole set; records where accuracy was lowest.

    The point with the highest objective is seldom the one with the fewest correct examples.

    Args:
        subject: model and examples.
        objective: a per-example loss.

    Attributes:
        point: where the fewest examples were classified correctly so far; empty at first.
        fewest: the number of examples classified correctly there.
    """

    def __init__(self, subject: Subject, objective: Objective) -> None:
        self.point: Point = {}
        self.fewest = len(subject) + 1
        self._correct = 0
        self._objective = objective
        self._evaluate = whole_set(subject, self._counted)

    def _counted(self, logits: Tensor, labels: Tensor) -> Tensor:
        self._correct += int((predicted_classes(logits.detach()) == labels).sum())
        return self._objective(logits, labels)

    def __call__(self, point: Point, rows: Tensor) -> Evaluation:
        """The objective and its gradient, as an ascent needs them."""
        self._correct = 0
        found = self._evaluate(point, rows)
        if self._correct < self.fewest:
            self.fewest, self.point = self._correct, point
        return found
