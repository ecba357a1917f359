"""Check of whether the classes are in another order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from leaderboard.submissions.ways import clearly_better, percent


class ClassOrder(Check):
    """No other order of the classes gives a clearly higher accuracy."""

    id = "class-order"
    title = "The classes are in another order"
    meaning = (
        "Folders of images are often numbered in alphabetical order, which need not be that of "
        "the data set. The order of classes that fits the confusion matrix best is found on every "
        "other example (a linear assignment), and its accuracy measured on the rest, so that it "
        "gains nothing by chance."
    )
    fix = "Reorder the last layer to the data set's classes."
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Find the best order, and measure it on other examples."""
        if case.subject.classes < LEAST:
            return
        order, then, now = best_order(case.answers, case.subject.labels, case.subject.classes)
        moved = [label for label, logit in enumerate(order) if label != logit]
        shifts = {(logit - label) % len(order) for label, logit in enumerate(order)}
        if len(shifts) == 1 or not clearly_better(then, now, case.subject.classes, 1):
            return  # a shift is what another check reports
        pairs = ", ".join(f"class {label} is logit {order[label]}" for label in moved[:SHOWN])
        more = f" and {len(moved) - SHOWN} more" if len(moved) > SHOWN else ""
        listed = f": weight = weight[{list(order)}]" if len(order) <= LISTED else ""
        yield cls.finding(
            f"accuracy {percent(now)}, and {percent(then)} on {len(then)} examples in another "
            f"order of the classes: {pairs}{more}",
            f"Reorder the rows of the last layer{listed}, and the bias likewise.",
        )


LEAST, SHOWN, LISTED = 3, 5, 20


def best_order(answers: Tensor, labels: Tensor, classes: int) -> tuple[list[int], Tensor, Tensor]:
    """The order of classes that fits best, found on every other example.

    Args:
        answers: predicted classes (N,).
        labels: (N,).
        classes: their number.

    Returns:
        The logit of each class, and bool (N // 2,): which of the other examples are right with it,
        and which are as it is.
    """
    fitted = answers[::2] >= 0
    counts = torch.zeros(classes, classes, dtype=torch.float64)
    places = labels[::2][fitted] * classes + answers[::2][fitted]
    counts += torch.bincount(places.cpu(), minlength=classes * classes).view(classes, classes)
    counts += 1e-3 * torch.eye(classes, dtype=torch.float64)  # of equals, the order as it is
    _, columns = linear_sum_assignment(counts.numpy(), maximize=True)
    order = torch.from_numpy(columns).to(labels)
    then, now = order[labels[1::2]] == answers[1::2], labels[1::2] == answers[1::2]
    return [int(each) for each in columns], then, now
