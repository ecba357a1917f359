"""Non-singular robust accuracy: what is still right under every adversary at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmark.results import ProbeResult, ScoreSpec
from benchmark.statistics import proportion

PARTS = ("clean", "input", "weight", "joint")
"""The probes whose headline outcomes are intersected."""

SCORES = {
    "robust_accuracy": ScoreSpec(
        label="Non-singular",
        description="Share of test examples still classified correctly under every one of the "
        "clean, input, weight and joint probes at the battery's headline budgets.",
        unit="share",
        higher_is_better=True,
        headline=True,
    )
}


def nonsingular(results: Mapping[str, ProbeResult]) -> ProbeResult | None:
    """Intersect the headline outcomes of :data:`PARTS`; ``None`` where one was not run or left out.

    Args:
        results: probe results on the same examples, in the same order.
    """
    if any(part not in results or results[part].left_out is not None for part in PARTS):
        return None
    standing = np.logical_and.reduce([results[part].outcomes["headline"] for part in PARTS])
    return ProbeResult(
        probe="nonsingular",
        scores={"robust_accuracy": proportion(standing)},
        outcomes={"headline": standing},
        protocol={"intersection of": ", ".join(PARTS)},
    )
