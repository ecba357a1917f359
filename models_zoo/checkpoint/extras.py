"""Tensors that training frameworks save with the weights and that do not affect predictions."""

from __future__ import annotations

import re
from collections.abc import Collection

_LAST = frozenset(
    (
        "total_ops",
        "total_params",
        "num_batches_tracked",
        "n_averaged",
        "num_updates",
        "num_update",
        "decay",
        "epoch",
        "epochs",
        "step",
        "steps",
        "global_step",
        "iteration",
        "best_acc",
        "best_loss",
        "initted",
        "_metadata",
    )
)
"""Counters and settings of thop, ``torch.optim.swa_utils`` and moving averages, by their last
word."""

_FIRST = re.compile(
    r"(criterion|criteria|loss|loss_?fn|loss_?function|loss_?func|ce_?loss|"
    r"(train|val|valid|validation|test)?_?(acc|accuracy|metrics?|f1|auroc|confusion)(_?top?\d)?)"
    r"(_?\w*)?"
)
"""Losses and metrics, which Lightning modules store next to the network."""


def is_extra(name: str, *, unused: Collection[str] = ()) -> bool:
    """Whether a name is that of a tensor that is not part of the network.

    Args:
        name: of a tensor that the network does not use, without the network's prefix.
        unused: prefixes of names that the architecture's own code creates but never uses.
    """
    if any(name.startswith(each) for each in unused):
        return True
    first, _, rest = name.partition(".")
    last = name.rpartition(".")[2].lower()
    return last in _LAST or (rest != "" and _FIRST.fullmatch(first.lower()) is not None)
