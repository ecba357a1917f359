"""The scores of one backdoor in a model of texts."""

from __future__ import annotations

from torch import Tensor

from benchmark.attacks.backdoor import BackdoorOutcome
from benchmark.probes.backdoor.outcomes import outcome_scores
from benchmark.probes.probe import as_outcomes
from benchmark.results import Outcomes, Score
from benchmark.statistics import paired_shares, proportion


def gain_of(success: Outcomes, base: Outcomes, other: Outcomes) -> Score:
    """Success less the larger of its controls, paired over the stamped texts.

    Args:
        success: bool (M,), texts that are classified as the target class.
        base: bool (M,), the same with the unperturbed weights.
        other: bool (M,), the same with another trigger.
    """
    return paired_shares(success, base if base.mean() > other.mean() else other).score


def scores_beside(outcome: BackdoorOutcome, other: Tensor) -> dict[str, Score]:
    """The scores of a backdoor on the texts that it was not optimized or selected on.

    Args:
        outcome: the measurements.
        other: bool (M,), the same as its ``success``, stamped with a trigger that the injection
            does not know.
    """
    success, base = as_outcomes(outcome.success), as_outcomes(outcome.base)
    false_trigger = as_outcomes(other)
    return {
        **outcome_scores(outcome),
        "gain": gain_of(success, base, false_trigger),
        "false_trigger": proportion(false_trigger),
    }
