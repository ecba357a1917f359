"""Charts of the probe: success over the number of changes, one change compared, and triggers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from benchmark.attacks.sparse import SparseOutcome
from benchmark.probes.backdoor_sparse.outcomes import FamilyResult
from benchmark.probes.backdoor_sparse.settings import SparseBackdoorSettings
from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.probe import as_outcomes
from benchmark.results import Bars, Curve, Role, Thumbnail
from benchmark.statistics import proportion

_SERIES: dict[str, tuple[Callable[[SparseOutcome], Tensor], Role | None]] = {
    "success": (lambda outcome: outcome.success, "success"),
    "trigger alone": (lambda outcome: outcome.alone, None),
    "clean accuracy": (lambda outcome: outcome.robust, None),
}


def count_curves(results: Sequence[FamilyResult], settings: SparseBackdoorSettings) -> list[Curve]:
    """Success, trigger alone and clean accuracy over the number of changes, a chart per family."""
    return [
        outcome_curve(
            f"sparse_backdoor_{result.key}",
            series,
            f"changes ({result.name})",
            [float(count) for count in result.counts],
            [values(outcome) for outcome in result.outcomes],
            "share",
            role=role,
            threat=result.threat(settings, result.counts[-1]),
        )
        for result in results
        for series, (values, role) in _SERIES.items()
    ]


def one_change_bars(results: Sequence[FamilyResult]) -> list[Bars]:
    """The same with the fewest changes, by storage and family."""
    return [
        Bars(
            picture="sparse_backdoor_one_change",
            series=series,
            x_label="what is changed, and trigger",
            y_label="share",
            names=[result.name for result in results],
            y=[proportion(as_outcomes(values(result.one))) for result in results],
            unit="share",
        )
        for series, (values, _) in _SERIES.items()
    ]


def trigger_thumbnails(results: Sequence[FamilyResult], images: Tensor) -> list[Thumbnail]:
    """The first of ``images`` (N, C, H, W), clean and with the trigger of every first change."""
    shown = [Thumbnail.of("sparse_triggers", "no trigger", images[0])]
    for result in results:
        stamped = result.one.trigger.stamp(images[:1])[0]
        caption = f"{result.name}: {result.one.trigger} -> {result.one.target}"
        shown.append(Thumbnail.of("sparse_triggers", caption, stamped))
    return shown
