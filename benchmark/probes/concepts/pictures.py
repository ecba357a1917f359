"""Charts of the probe: every variant, single and averaged; and the images of the concept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from benchmark.concepts import Concept
from benchmark.probes.concepts.measured import SINGLE, Comparison, Measured, Tests
from benchmark.probes.concepts.variants import LOGISTIC
from benchmark.results import Bars, Score, Thumbnail
from benchmark.statistics import SHARE_BOUNDS, mean
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


def bars_of(comparison: Comparison, rate: float, control: str) -> list[Bars]:
    """A chart per measure, with a bar per variant, single and averaged; and one by class.

    Args:
        comparison: of all variants.
        rate: the battery's false-positive rate.
        control: name of the vectors without a concept.
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
    charts = [bar for chart in (first, spread, *others, *spreads) for bar in chart]
    return [*charts, *_by_class(comparison, control)]


def _by_class(comparison: Comparison, control: str) -> list[Bars]:
    """TCAV scores by class of the plain single vectors and of the control."""
    found = {name: comparison.tcav_by_class.get((name, SINGLE)) for name in (LOGISTIC, control)}
    return [
        Bars(
            picture="sensitivity_by_class",
            series=name,
            x_label="class",
            y_label="TCAV score",
            names=[str(label) for label in scores],
            y=[mean(each, SHARE_BOUNDS) for each in scores.values()],
            unit="share",
        )
        for name, scores in found.items()
        if scores
    ]


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
    tests: Tests, comparison: Comparison, concept: Concept, images: Tensor, negatives: Tensor
) -> list[Thumbnail]:
    """Images of the concept, negatives, and the nearest and farthest test images.

    Where test images are the concept's own, the nearest evaluated images follow.

    Args:
        tests: the images that were ranked.
        comparison: says how.
        concept: where images and negatives are from.
        images: that vectors were trained on, (n, C, H, W).
        negatives: of one seed, (m, C, H, W).
    """
    order = comparison.margins.argsort(descending=True, stable=True)
    rows = {
        concept.pictures[0]: [("", image) for image in images[:N_IMAGES]],
        concept.pictures[1]: [("", image) for image in negatives[:N_IMAGES]],
        "nearest_test_images": _captioned(tests, order[:N_IMAGES]),
        "farthest_test_images": _captioned(tests, order.flip(0)[:N_IMAGES]),
    }
    if tests.own:
        nearest = comparison.example_margins.argsort(descending=True, stable=True)[:N_IMAGES]
        rows["nearest_images_of_the_data_set"] = _labeled(tests.examples, nearest)
    return [
        Thumbnail.of(name, caption, image) for name, row in rows.items() for caption, image in row
    ]


def _captioned(tests: Tests, rows: Tensor) -> list[tuple[str, Tensor]]:
    if not tests.own:
        return _labeled(tests.examples, rows)
    return [("concept" if tests.has[row] else "without", tests.images[row]) for row in rows]


def _labeled(examples: Subject, rows: Tensor) -> list[tuple[str, Tensor]]:
    return [(f"class {int(examples.labels[row])}", examples.images[row]) for row in rows]
