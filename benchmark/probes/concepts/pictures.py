"""Charts of the probe: every variant, single and averaged; and the images of the concept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from benchmark.probes.concepts.measured import Comparison, Measured
from benchmark.results import Bars, Score, Thumbnail
from benchmark.subject import Subject

N_IMAGES = 6
"""Maximum number of images in a row."""

VECTOR = "concept vector"


@dataclass(frozen=True)
class _Chart:
    """A chart over variants: its name, what its bars are, and their unit."""

    picture: str
    y_label: str
    unit: str


def bars_of(comparison: Comparison, rate: float) -> list[Bars]:
    """A chart per measure, with a bar per variant, single and averaged.

    Args:
        comparison: of all variants.
        rate: the battery's false-positive rate.
    """
    at = f"recall at {rate:.0%} false positives"
    means: dict[str, _Chart] = {
        "recall_at_fpr": _Chart("concept_recall", at, "share"),
        "recall": _Chart("recall_at_own_threshold", "recall", "share"),
        "false_positives": _Chart("false_positives_at_own_threshold", "false positives", "share"),
        "auroc": _Chart("ranking_of_test_images", "AUROC", ""),
        "cosine": _Chart("agreement_of_seeds", "mean cosine of two seeds", ""),
        "tcav": _Chart("sensitivity_of_the_own_logit", "TCAV score", "share"),
    }
    deviations: dict[str, _Chart] = {
        "recall_at_fpr_deviation": _Chart("spread_of_concept_recall", f"deviation of {at}", ""),
        "recall_deviation": _Chart(
            "spread_of_recall_at_own_threshold", "deviation of recall over seeds", ""
        ),
        "tcav_deviation": _Chart(
            "spread_of_sensitivity", "deviation of the TCAV score over seeds", ""
        ),
    }
    first, *others = _of_kind(comparison, means, Measured.means)
    spread, *spreads = _of_kind(comparison, deviations, Measured.deviations)
    return [bar for chart in (first, spread, *others, *spreads) for bar in chart]


def _of_kind(
    comparison: Comparison,
    charts: Mapping[str, _Chart],
    measure: Callable[[Measured], Mapping[str, Score]],
) -> list[list[Bars]]:
    """The bars of each chart, one series for single and one for averaged vectors."""
    scores = {name: measure(each) for name, each in comparison.by_name.items()}
    series = list(dict.fromkeys(how for _, how in scores))
    variants = list(dict.fromkeys(variant for variant, _ in scores))
    return [
        [
            Bars(
                picture=chart.picture,
                series=how,
                x_label=VECTOR,
                y_label=chart.y_label,
                names=variants,
                y=[scores[variant, how][name] for variant in variants],
                unit=chart.unit,
            )
            for how in series
        ]
        for name, chart in charts.items()
    ]


def thumbnails_of(
    examples: Subject, margins: Tensor, concept: Tensor, negatives: Tensor
) -> list[Thumbnail]:
    """Images of the concept, negatives, and the nearest and farthest test images.

    Args:
        examples: model and images that were ranked.
        margins: (N,), of each to the concept vector.
        concept: drawn images of the concept, (n, C, H, W).
        negatives: drawn negatives, (m, C, H, W).
    """
    order = margins.argsort(descending=True, stable=True)
    rows = {
        "drawn_images_of_the_concept": [("", image) for image in concept[:N_IMAGES]],
        "drawn_negatives": [("", image) for image in negatives[:N_IMAGES]],
        "nearest_test_images": _labeled(examples, order[:N_IMAGES]),
        "farthest_test_images": _labeled(examples, order.flip(0)[:N_IMAGES]),
    }
    return [
        Thumbnail.of(name, caption, image)
        for name, images in rows.items()
        for caption, image in images
    ]


def _labeled(examples: Subject, rows: Tensor) -> list[tuple[str, Tensor]]:
    return [(f"class {int(examples.labels[row])}", examples.images[row]) for row in rows]
