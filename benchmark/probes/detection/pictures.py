"""Charts and small images of the probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from benchmark.detection import Examined, rate_at
from benchmark.probes.budget_curves import score_curve
from benchmark.probes.detection.attacked import Attacked
from benchmark.probes.detection.tallies import MAGNET, WITH_MI, Systems, areas, detected
from benchmark.probes.probe import as_outcomes
from benchmark.results import Bars, Curve, Score, Thumbnail
from benchmark.statistics import paired_shares, proportion, wilson
from benchmark.subject import Subject

OVER_CONFIDENCE, GAIN = "detection_over_confidence", "detection_gain_by_mi"
ROC, ROC_LINF, AREAS = (
    "detected_by_false_positives",
    "linf_attack_detected_by_false_positives",
    "area_by_detector",
)
DETECTED, MISSED = "detected", "missed"

RATES = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""False-positive rates of the ROC curves."""

THUMBNAILS = 2
"""Detected and missed images of each attack."""


def confidence_curves(attacks: Sequence[Attacked], systems: Systems) -> list[Curve]:
    """Detection over confidences, with and without the MI detector, and the paired difference."""
    series: dict[str, list[Attacked]] = {}
    for attack in attacks:
        if attack.found_any:
            series.setdefault(attack.name, []).append(attack)
    curves = [
        _over_confidence(
            OVER_CONFIDENCE,
            f"{name}, {system}",
            found,
            "share detected",
            [proportion(as_outcomes(detected(each, systems[system]))) for each in found],
            "share",
        )
        for name, found in series.items()
        for system in (MAGNET, WITH_MI)
    ]
    for name, found in series.items():
        gains = [
            paired_shares(
                as_outcomes(detected(each, systems[WITH_MI])),
                as_outcomes(detected(each, systems[MAGNET])),
            ).score
            for each in found
        ]
        curves.append(
            _over_confidence(GAIN, name, found, "difference of the shares detected", gains, "")
        )
    return curves


def _over_confidence(
    picture: str,
    series: str,
    attacks: Sequence[Attacked],
    y_label: str,
    scores: list[Score],
    unit: str,
) -> Curve:
    confidences = [each.confidence or 0.0 for each in attacks]
    return score_curve(
        picture, series, "confidence kappa (logits)", confidences, scores, y_label, unit
    )


def roc_curves(
    picture: str,
    attacks: Sequence[Attacked],
    natural: Examined,
    names: Sequence[str],
) -> list[Curve]:
    """The share detected over the false-positive rate on clean test images, by detector.

    Args:
        picture: name of the chart.
        attacks: whose successful images are pooled.
        natural: the clean test images.
        names: the detectors.
    """
    positives = {
        name: torch.cat([each.scores[name] for each in attacks]).cpu().numpy() for name in names
    }
    # The number of examples, of which several images stem, makes the intervals.
    found = torch.stack([each.succeeded for each in attacks]).any(0)
    examples = int(found.sum())
    if not examples:
        return []
    return [
        Curve(
            picture=picture,
            series=name,
            x_label="share of clean test images rejected",
            y_label="share of adversarial images detected",
            x=list(RATES),
            x_text=[f"{100 * rate:g}%" for rate in RATES],
            y=[
                wilson(float(hits.mean()), examples)
                for hits in rate_at(positives[name], natural.scores[name].cpu(), RATES)
            ],
            unit="share",
        )
        for name in names
    ]


def area_bars(
    groups: Mapping[str, Sequence[Attacked]], natural: Examined, names: Sequence[str]
) -> list[Bars]:
    """Area under the ROC curve by detector, with bars per attack.

    Args:
        groups: attacks by name; a group is averaged.
        natural: the clean test images.
        names: the detectors.
    """
    bars = []
    for series, attacks in groups.items():
        found = areas(attacks, natural, names)
        if found:
            bars.append(
                Bars(
                    picture=AREAS,
                    series=series,
                    x_label="detector",
                    y_label="area under the ROC curve",
                    names=list(found),
                    y=list(found.values()),
                    unit="share",
                )
            )
    return bars


def thumbnails(subject: Subject, attacks: Sequence[Attacked], systems: Systems) -> list[Thumbnail]:
    """The first detected and the first missed images of some attacks."""
    found = []
    for picture, wanted in ((DETECTED, True), (MISSED, False)):
        for attack in attacks:
            places = attack.succeeded.nonzero().flatten()
            hits = detected(attack, systems[WITH_MI])
            for place in places[hits == wanted][:THUMBNAILS].tolist():
                label = int(subject.labels[attack.rows[place]])
                seen = int(attack.examined.predicted[place])
                caption = f"{attack.title}: {label} as {seen}"
                found.append(Thumbnail.of(picture, caption, attack.images[place]))
    return found
