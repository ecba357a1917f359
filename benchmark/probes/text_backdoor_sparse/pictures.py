"""Charts of the probe: success over the number of changes by rule, and one change compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.probe import as_outcomes
from benchmark.probes.text_backdoor_sparse.searches import RuleResult
from benchmark.probes.text_backdoor_sparse.settings import TextSparseBackdoorSettings
from benchmark.results import Bars, Curve
from benchmark.statistics import proportion

ONE_CHANGE = "text_sparse_backdoor_one_change"

_BARS: dict[str, Callable[[RuleResult], Tensor]] = {
    "success": lambda result: result.by_count.one.success,
    "base rate": lambda result: result.by_count.one.alone,
    "other trigger": lambda result: result.others[1],
    "clean accuracy": lambda result: result.by_count.one.robust,
}


def count_curves(
    results: Sequence[RuleResult], settings: TextSparseBackdoorSettings
) -> list[Curve]:
    """Success of every rule over the number of changes, and clean accuracy; a chart per storage."""
    curves = []
    for result in results:
        found = result.by_count
        threat = settings.threat(result.storage, result.rule, found.counts[-1])
        picture = f"text_sparse_backdoor_{result.storage.replace('-', '_')}"
        label, counts = f"changes ({result.storage})", [float(count) for count in found.counts]
        curves.append(
            outcome_curve(
                *(picture, f"success, {result.rule}", label, counts),
                *([outcome.success for outcome in found.outcomes], "share"),
                role="success",
                threat=threat,
            )
        )
        if result.rule == "all":
            curves.append(
                outcome_curve(
                    *(picture, "clean accuracy, all", label, counts),
                    *([outcome.robust for outcome in found.outcomes], "share"),
                    threat=threat,
                )
            )
    return curves


def one_change_bars(results: Sequence[RuleResult]) -> list[Bars]:
    """Success, its controls and clean accuracy with the fewest changes, by storage and rule."""
    return [
        Bars(
            picture=ONE_CHANGE,
            series=series,
            x_label="what is changed, and which weights may",
            y_label="share",
            names=[result.name for result in results],
            y=[proportion(as_outcomes(values(result))) for result in results],
            unit="share",
        )
        for series, values in _BARS.items()
    ]
