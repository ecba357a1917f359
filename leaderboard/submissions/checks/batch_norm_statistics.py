"""Check of whether batch norm has statistics of the training images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from leaderboard.submissions.case import Case
from leaderboard.submissions.checks.check import Check
from leaderboard.submissions.finding import Finding

NORMS = (nn.modules.batchnorm._BatchNorm,)


class BatchNormStatistics(Check):
    """The means and variances of batch norm are not those of a new layer."""

    id = "batch-norm-statistics"
    title = "Batch norm without the statistics of the training images"
    meaning = (
        "In eval mode batch norm uses running means and variances. If these are still 0 and 1 in "
        "every layer, the network was only ever called in train mode, or was trained with "
        "`track_running_stats=False`: its accuracy in train mode, on whole batches, cannot be "
        "reproduced for single images."
    )
    fix = (
        "Pass the training images through the network in train mode once, so that it collects the "
        "statistics, and save the weights again."
    )

    @classmethod
    def look(cls, case: Case) -> Iterator[Finding]:
        """Look at the buffers of all layers of batch norm."""
        norms = [each for each in case.network.modules() if isinstance(each, NORMS)]
        kept = [each for each in norms if isinstance(each.running_var, Tensor)]
        if not norms:
            return
        if not kept:
            yield cls.finding(f"none of {len(norms)} layers of batch norm has running statistics")
            return
        if any(bool((_variance(each) < 0).any()) for each in kept):
            yield cls.finding("a layer of batch norm has a negative running variance")
        if all(_is_new(each) for each in kept):
            yield cls.finding(
                f"the running means and variances of all {len(kept)} layers of batch norm are "
                "exactly 0 and 1, as in a network that was never trained"
            )


def _is_new(layer: nn.modules.batchnorm._BatchNorm) -> bool:
    mean = layer.running_mean
    still = isinstance(mean, Tensor) and bool(torch.all(mean == 0))
    return still and bool(torch.all(_variance(layer) == 1))


def _variance(layer: nn.modules.batchnorm._BatchNorm) -> Tensor:
    return cast("Tensor", layer.running_var)
