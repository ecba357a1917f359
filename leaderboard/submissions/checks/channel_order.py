"""Check of whether the channels are in reverse order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark.objectives import cross_entropy
from benchmark.statistics import proportion
from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from leaderboard.submissions.ways import percent, sign_test
from models_zoo.prediction import predicted_classes
from models_zoo.units import written

EXAMPLES = 200
"""Maximum number of examples on which both orders are compared."""

PROBABILITY = 1e-3
"""Probability of a finding by chance. Each of 12 networks for CIFAR-10, standard and robust, has
the lower cross-entropy in its own order for 65% to 78% of the images."""

COLORS = 3

SECONDS = 10.0
"""Time for one pass over the examples."""


class ChannelOrder(Check):
    """The network does not prefer images with their channels reversed."""

    id = "channel-order"
    title = "The model takes images in BGR order"
    meaning = (
        "Images here have the channels red, green, blue. Training code that reads images with "
        "OpenCV has them in reverse order; such a network loses 3 to 40 points of accuracy here. "
        "The cross-entropy of each example is compared with that of the example with its channels "
        "reversed: one of 12 networks for CIFAR-10 that loses only 4 points of accuracy still has "
        "the lower cross-entropy in its own order for 65% of the examples. A sign test with a "
        "probability of 0.001 decides."
    )
    fix = (
        "Reverse the weights of the first layer: weight = weight.flip(1), and mean and std, and "
        "submit the network again."
    )
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the loss of each example with that on reversed channels."""
        if case.subject.images.shape[1] != COLORS:
            return
        some = case.some(1, SECONDS, EXAMPLES)
        usual, reversed_ = some.logits(), some.logits(some.images.flip(1))
        ours = cross_entropy(usual.double(), some.labels)
        theirs = cross_entropy(reversed_.double(), some.labels)
        lower, higher = int((theirs < ours).sum()), int((theirs > ours).sum())
        right, wrong = (_right(each, some.labels) for each in (reversed_, usual))
        above_chance = proportion(right.cpu().numpy()).low > 1 / case.subject.classes
        better = above_chance and int(right.sum()) >= int(wrong.sum())
        if not better or sign_test(lower, higher) >= PROBABILITY:
            return
        mean, std = case.normalization
        given = f", and mean = [{written(mean[::-1])}], std = [{written(std[::-1])}]"
        yield cls.finding(
            f"with the channels in reverse order {lower} of {len(some)} examples have a lower loss "
            f"and {higher} a higher one; accuracy {percent(wrong)} as it is, {percent(right)} "
            "reversed",
            "Reverse the weights of the first layer along the channels, weight = weight.flip(1)"
            + (given if len(set(mean)) > 1 or len(set(std)) > 1 else "")
            + ", and submit it again.",
        )


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    return torch.eq(predicted_classes(logits), labels)
