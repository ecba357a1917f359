"""Non-singular robust accuracy: which examples are robust under every threat of the headline."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmark.probes import PROBES
from benchmark.probes.definition import Definition, read_definition
from benchmark.results import Outcome, ProbeResult, ScoreSpec
from benchmark.statistics import proportion
from benchmark.threats import AnyThreat

NAME = "nonsingular"
"""Name of the derived result, which has no probe of its own."""

TITLE = "Non-singular"
QUESTION = "What is the accuracy under all of the adversaries?"

SCORES = {
    "robust_accuracy": ScoreSpec(
        label="Non-singular",
        description="Share of test examples still classified correctly under each of the "
        "clean, input, weight and joint probes at the battery's headline budgets.",
        unit="share",
        higher_is_better=True,
        headline=True,
        interval="share",
    )
}


def definition() -> Definition:
    """The formula of the headline and its sources."""
    return read_definition(__name__)


def headline_probes() -> tuple[str, ...]:
    """The probes whose headline outcomes are intersected."""
    return tuple(name for name, probe in PROBES.items() if probe.in_headline)


def nonsingular(results: Mapping[str, ProbeResult]) -> ProbeResult | None:
    """Intersect the headline outcomes; ``None`` if a probe was not run or was left out.

    Args:
        results: probe results on the same examples, in the same order.
    """
    parts = headline_probes()
    if any(part not in results or results[part].left_out is not None for part in parts):
        return None
    robust = np.logical_and.reduce([results[part].outcomes["headline"] for part in parts])
    return ProbeResult(
        probe=NAME,
        scores={"robust_accuracy": proportion(robust)},
        share_of={"robust_accuracy": "headline"},
        headline_threats=[threat for part in parts for threat in _headline_threats(results[part])],
        protocol={"intersection of": ", ".join(parts)},
    ).with_outcomes({"headline": Outcome(robust, "headline")})


def _headline_threats(result: ProbeResult) -> list[AnyThreat]:
    """The threat of a probe's headline outcome, where one is perturbed."""
    kind = result.outcome_kinds.get("headline")
    return [] if kind is None or kind.threat is None else [kind.threat]
