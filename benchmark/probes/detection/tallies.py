"""Scores of the probe from what the defence says of clean and of adversarial images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmark.detection import Examined, Thresholds, combined, rejected
from benchmark.probes.detection.attacked import Attacked
from benchmark.probes.probe import as_outcomes
from benchmark.results import Score
from benchmark.statistics import (
    Positives,
    bounded_mean,
    mean_area,
    paired_means,
    paired_shares,
    proportion,
)

MAGNET, WITH_MI = "MagNet", "MagNet + MI"

Systems = Mapping[str, Thresholds]
"""Thresholds by :data:`MAGNET` and :data:`WITH_MI`, at one total false-positive rate."""


def detected(attack: Attacked, thresholds: Thresholds) -> Tensor:
    """Bool (m,): which of the successful adversarial images are rejected."""
    return rejected(attack.scores, thresholds)


def shares_detected(attacks: Sequence[Attacked], thresholds: Thresholds) -> np.ndarray:
    """The share of its successful adversarial images that is rejected, per example (k,).

    Examples without a successful attack are left out; which these are does not depend on the
    thresholds.

    Args:
        attacks: of the same examples.
        thresholds: of the defence.
    """
    succeeded = torch.stack([each.succeeded for each in attacks])
    hits = torch.stack([rejected(each.examined.scores, thresholds) for each in attacks])
    tries = succeeded.sum(0)
    shares = (hits & succeeded).sum(0).double() / tries
    found: np.ndarray = shares[tries > 0].cpu().numpy()
    return found


def detection_scores(attacks: Sequence[Attacked], systems: Systems) -> dict[str, Score]:
    """Detection rates of the C&W and EAD attacks, and the gain by mutual information."""
    plain, more = (shares_detected(attacks, systems[name]) for name in (MAGNET, WITH_MI))
    if not len(plain):
        return {}
    return {
        "magnet_detection": bounded_mean(plain),
        "mi_detection": bounded_mean(more),
        "mi_gain": paired_means(more, plain, most=1).score,
    }


def linf_scores(
    attack: Attacked, natural: Examined, validation: Examined, systems: Systems
) -> dict[str, Score]:
    """Detection of the linf attack: rates, gain, and the area under the ROC curve of MagNet."""
    if not attack.found_any:
        return {}
    plain, more = (as_outcomes(detected(attack, systems[name])) for name in (MAGNET, WITH_MI))
    positive, negative = (
        combined(each, {name: validation.scores[name] for name in systems[MAGNET]})
        for each in (attack.scores, natural.scores)
    )
    return {
        "linf_detection": proportion(plain),
        "linf_mi_detection": proportion(more),
        "linf_mi_gain": paired_shares(more, plain).score,
        "linf_auroc": mean_area([_positives(attack, positive)], negative.cpu()),
    }


def areas(attacks: Sequence[Attacked], natural: Examined, names: Sequence[str]) -> dict[str, Score]:
    """Area under the ROC curve by detector, on average over attacks and confidences.

    Args:
        attacks: those without a success are left out.
        natural: the clean test images, which the rows of the attacks index.
        names: the detectors.
    """
    kept = [each for each in attacks if each.found_any]
    if not kept:
        return {}
    return {
        name: mean_area(
            [_positives(each, each.scores[name]) for each in kept], natural.scores[name].cpu()
        )
        for name in names
    }


def _positives(attack: Attacked, scores: Tensor) -> Positives:
    """Scores of an attack's successful images, with the clean images that they stem from."""
    return Positives(scores.cpu(), attack.rows[attack.succeeded].cpu())


def clean_scores(natural: Examined, labels: Tensor, systems: Systems) -> dict[str, Score]:
    """False-positive rates and accuracies on clean test images with the defence on."""
    found = {}
    for prefix, name in (("", MAGNET), ("mi_", WITH_MI)):
        passes = natural.passes(systems[name])
        found[f"{prefix}false_positive_rate"] = proportion(as_outcomes(~passes))
        right = passes & (natural.reformed == labels)
        found[f"{prefix}clean_accuracy"] = proportion(as_outcomes(right))
    return found
