"""Three parts of the examples: to optimize on, to select on, and to measure on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmark.subject import Subject
from models_zoo.errors import InputError

SEARCH_SHARE, SELECTION_SHARE = 0.5, 0.2
"""Shares of the first two parts; the rest is for measuring. An injection that sees fewer inputs
costs more accuracy on others; the selection only has to rank a few candidates."""


@dataclass(frozen=True)
class Splits:
    """Disjoint random parts of a subject's examples, each in the order of the whole.

    Attributes:
        search: the weights are optimized on these.
        selection: the final weights are selected on these.
        measured: every number reported is measured on these.
    """

    search: Subject
    selection: Subject
    measured: Subject

    @property
    def sizes(self) -> dict[str, int]:
        """Number of examples of each part, for protocols."""
        return {
            "optimized on": len(self.search),
            "selected on": len(self.selection),
            "measured on": len(self.measured),
        }


def split(subject: Subject) -> Splits:
    """Half, a fifth and the rest of the examples, drawn from the subject's seed.

    Raises:
        InputError: there are fewer than 4 examples.
    """
    count = len(subject)
    if count < 4:
        raise InputError(f"a backdoor needs at least 4 examples, got {count}")
    order = torch.randperm(count, generator=subject.generator("backdoor", "split"))
    searched, selected = int(SEARCH_SHARE * count), max(int(SELECTION_SHARE * count), 1)
    sizes = [searched, selected, count - searched - selected]
    parts = [
        subject.take(part.sort().values)
        for part in torch.split(order.to(subject.images.device), sizes)
    ]
    return Splits(*parts)
