"""Charts of the backdoor probe: success over budgets, every combination, triggers, changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from torch import Tensor

from benchmark.attacks.backdoor import Backdoor, BackdoorOutcome, WeightChange
from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.probe import as_outcomes
from benchmark.results import Bars, Curve, Thumbnail
from benchmark.statistics import exact, proportion
from benchmark.threats import BackdoorThreat

SUCCESS = "success"
"""Series of the share of triggered images that are given the target class."""


def budget_curves(
    threat: BackdoorThreat, budgets: Sequence[float], outcomes: Sequence[BackdoorOutcome]
) -> list[Curve]:
    """Success, clean accuracy and agreement over budgets, on the measured split.

    Args:
        threat: at the last budget.
        budgets: ascending.
        outcomes: one per budget.
    """
    series: dict[str, list[Tensor]] = {
        SUCCESS: [outcome.success for outcome in outcomes],
        "clean accuracy": [outcome.robust for outcome in outcomes],
        "agreement": [outcome.agreement for outcome in outcomes],
    }
    return [
        outcome_curve(
            "backdoor",
            name,
            f"{threat.geometry} budget",
            budgets,
            robust,
            "share",
            role="success" if name == SUCCESS else None,
            threat=threat,
        )
        for name, robust in series.items()
    ]


def combination_bars(outcomes: Mapping[str, BackdoorOutcome], threat: BackdoorThreat) -> list[Bars]:
    """Success and accuracy of every combination at the headline budget."""
    series: dict[str, list[Tensor]] = {
        SUCCESS: [outcome.success for outcome in outcomes.values()],
        "clean accuracy": [outcome.robust for outcome in outcomes.values()],
        "base rate": [outcome.base for outcome in outcomes.values()],
    }
    return [
        Bars(
            picture="backdoor_combinations",
            series=name,
            x_label="trigger and target class",
            y_label="share",
            names=list(outcomes),
            y=[proportion(as_outcomes(each)) for each in rows],
            unit="share",
            threat=threat,
        )
        for name, rows in series.items()
    ]


def change_bars(moved: WeightChange, weights: int, threat: BackdoorThreat) -> Bars:
    """Percentiles and mean of the relative change of ``weights`` weights."""
    named = {f"{percent}%": value for percent, value in moved.percentiles.items()}
    return Bars(
        picture="backdoor_weight_change",
        series="relative change",
        x_label="percentile of the weights",
        y_label="share of |w|",
        names=[*named, "mean"],
        y=[exact(value, weights) for value in (*named.values(), moved.mean)],
        unit="share",
        threat=threat,
    )


def trigger_thumbnails(backdoors: Iterable[Backdoor], images: Tensor) -> list[Thumbnail]:
    """The first of ``images`` (N, C, H, W), clean and with every trigger, each pattern once."""
    shown = [Thumbnail.of("triggers", "no trigger", images[0])]
    shown += [
        Thumbnail.of("triggers", str(trigger), trigger.stamp(images[:1])[0])
        for trigger in dict.fromkeys(backdoor.trigger for backdoor in backdoors)
    ]
    return shown
