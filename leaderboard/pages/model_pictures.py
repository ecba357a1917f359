"""Order of a probe's charts on a model's page, and AutoAttack's result among the curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.probes import PROBES
from benchmark.results import Curve, ProbeResult, Thumbnail
from benchmark.threats import InputThreat
from leaderboard.charts.bars import bars_pictures
from leaderboard.charts.curves import Picture, curves_pictures, titled
from leaderboard.charts.svg import Painter

OURS, REFERENCE = "this suite", "AutoAttack"
"""Names of the two series where AutoAttack's result is shown with our own curve."""


@dataclass(frozen=True)
class Pictures:
    """A probe's charts: those that are shown at once, and those that a reader can unfold."""

    leading: list[Picture]
    further: list[Picture]


def shown_thumbnails(result: ProbeResult) -> Sequence[Thumbnail]:
    """The small images of a result, as its probe shows them."""
    probe = PROBES.get(result.probe)
    return result.thumbnails if probe is None else probe.thumbnails_of(result)


def pictures_of(
    result: ProbeResult, reference: ProbeResult | None, painter: Painter, model: str
) -> Pictures:
    """Charts of a probe's curves and bars.

    Args:
        result: the probe's answer.
        reference: AutoAttack's answer on the same examples, to be drawn among the curves.
        painter: draws them.
        model: whose they are, for the descriptions.
    """
    curves = list(result.curves)
    if reference is not None:
        curves = with_reference(curves, reference)
    pictures = curves_pictures(curves, painter, model)
    pictures += bars_pictures(result.bars, painter, model)
    names = PROBES[result.probe].leading_pictures if result.probe in PROBES else ()
    if not names:
        return Pictures(pictures[:2], pictures[2:])
    leading = []
    for name in names:
        # The first of those that share a name shows the headline's ball.
        found = next((each for each in pictures if each.title == titled(name)), None)
        leading += [] if found is None else [found]
    return Pictures(leading, [each for each in pictures if each not in leading])


def with_reference(curves: Sequence[Curve], reference: ProbeResult) -> list[Curve]:
    """The curves, with AutoAttack's score added to the chart of its norm.

    Args:
        curves: robust accuracy over budgets, a picture for each norm.
        reference: AutoAttack's answer, about one input threat.
    """
    threat = next(iter(reference.headline_threats), None)
    score = reference.scores.get("robust_accuracy")
    shown = []
    for curve in curves:
        if not isinstance(threat, InputThreat) or score is None or not _same_norm(curve, threat):
            shown.append(curve)
            continue
        # A budget that is on the curve must be the same number, or it would be another tick.
        at = next((x for x in curve.x if abs(x - threat.eps) < 1e-9), float(threat.eps))
        point = {"x": [at], "x_text": [threat.eps.text], "y": [score]}
        shown += [
            curve.model_copy(update={"series": OURS}),
            curve.model_copy(update={"series": REFERENCE} | point),
        ]
    return shown


def _same_norm(curve: Curve, threat: InputThreat) -> bool:
    """Whether a curve is robust accuracy over radii of the threat's balls."""
    attacked = curve.role == "budget" and curve.unit == "share"
    return attacked and isinstance(curve.threat, InputThreat) and curve.threat.norm == threat.norm
