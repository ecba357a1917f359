"""The backdoors of the probe, and the scores and outcomes of one."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from benchmark.attacks.backdoor import Backdoor, BackdoorOutcome, Trigger
from benchmark.probes.backdoor.settings import BackdoorSettings
from benchmark.probes.probe import as_outcomes
from benchmark.results import Score
from benchmark.spaces import Point
from benchmark.statistics import exact, paired_shares, proportion
from benchmark.subject import Subject

TRIGGERED = "triggered"
"""The outcome of every example under the headline's backdoor."""

HELD_OUT = "held_out_robust"
"""The outcome of the clean images that the injection did not see."""


def combinations(settings: BackdoorSettings, subject: Subject) -> dict[str, Backdoor]:
    """Every combination of trigger, seed and target, by a unique name."""
    named = {}
    for trigger, seed, target in product(settings.triggers, settings.seeds, settings.targets):
        pattern = pattern_seed(subject, seed)
        which = f", seed {seed}" if len(settings.seeds) > 1 else ""
        backdoor = Backdoor(trigger.seeded(pattern), target, seed)
        named[f"{trigger}{which} -> {target}"] = backdoor
    return named


def pattern_seed(subject: Subject, seed: int) -> int:
    """The seed of a trigger's random pattern, from the subject's seed and one of the settings."""
    generator = subject.generator("backdoor", "trigger", seed)
    return int(torch.randint(2**62, (1,), generator=generator))


def outcome_scores(outcome: BackdoorOutcome) -> dict[str, Score]:
    """The scores of one backdoor on the images that it was not optimized or selected on."""
    drop = paired_shares(as_outcomes(outcome.clean), as_outcomes(outcome.robust))
    return {
        "success": proportion(as_outcomes(outcome.success)),
        "clean_accuracy": proportion(as_outcomes(outcome.robust)),
        "clean_drop": drop.score,
        "agreement": proportion(as_outcomes(outcome.agreement)),
        "base_rate": proportion(as_outcomes(outcome.base)),
        "relative_change": exact(outcome.change, len(outcome.robust)),
    }


def right_with_and_without(subject: Subject, trigger: Trigger, weights: Point) -> Tensor:
    """Bool (N,): all examples that are right after an injection, stamped and not stamped.

    Unlike the scores, which are about images that the injection did not see, this is about every
    example, so that it can be intersected with the outcomes of other attacks.

    Args:
        subject: the model and all examples.
        trigger: of the backdoor.
        weights: after the injection.
    """
    stamped = subject.on(trigger.stamp(subject.images), subject.labels)
    clean = subject.at(weights).correct()
    return clean & stamped.at(weights).correct()
