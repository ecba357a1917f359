"""Warnings before a model is scored whose accuracy is doubtful."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import nn

from benchmark.arguments import Array
from benchmark.results import Flag, ProbeResult, Provenance
from leaderboard.submissions.accuracy_check import accuracy_flags, raised_lines, with_flags
from models_zoo.caller_warnings import warn_caller
from models_zoo.card import Card
from models_zoo.display import label

OnResult = Callable[[Provenance, ProbeResult], None]


def doubts(
    model: nn.Module,
    card: Card,
    images: Array,
    labels: Array,
    *,
    device: str,
    batch_size: int | None,
) -> list[Flag]:
    """The checks of a model's accuracy; what they find wrong is a warning.

    Args:
        model: any module.
        card: of the model.
        images: of the evaluation; the first few hundred are used.
        labels: of the images.
        device: where to compute.
        batch_size: images passed through the model at once.
    """
    found = accuracy_flags(model, card, images, labels, device=device, batch_size=batch_size)
    for line in raised_lines(found):
        warn_caller(f"{label(card.name)}: {line}")
    return found


def flagging(
    on_result: OnResult | None, flags: Sequence[Flag], probes: Sequence[str]
) -> OnResult | None:
    """A listener whose results have the flags, see :func:`with_flags`."""
    if on_result is None:
        return None
    listener = on_result
    return lambda where, result: listener(where, with_flags(result, flags, probes))
