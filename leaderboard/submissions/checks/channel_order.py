"""Check of whether the channels are in reverse order."""

from __future__ import annotations

from collections.abc import Iterator

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding
from models_zoo.units import written


class ChannelOrder(Check):
    """The images with their channels reversed do not give a clearly higher accuracy."""

    id = "channel-order"
    title = "The model takes images in BGR order"
    meaning = (
        "Images here have the channels red, green, blue. Training code that reads images with "
        "OpenCV has them in reverse order; such a network loses 5 to 40 points on images in the "
        "usual one. It is tried with the channels reversed, under every usual normalization."
    )
    fix = (
        "Reverse the weights of the first layer: weight = weight.flip(1), and mean and std, and "
        "submit the network again."
    )
    needs_labels = True

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Compare the accuracy with that on reversed channels."""
        found = case.comparison
        if found is not None and found.better and found.best.reversed:
            mean, std = found.best.normalization
            yield cls.finding(
                found.accuracies,
                "Reverse the weights of the first layer along the channels, weight.flip(1), and "
                f"give mean = {written(mean[::-1])}, std = {written(std[::-1])}.",
            )
