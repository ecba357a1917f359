"""Cheaper measures of flatness from the literature, on the clean loss, for comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from benchmark.interval_kinds import IntervalKind
from benchmark.measures.fisher_rao import fisher_rao_norm
from benchmark.measures.hessian import Hessian
from benchmark.measures.relative_flatness import last_layer
from benchmark.measures.second_order import NoSecondDerivativeError
from benchmark.measures.sharpness import asam_sharpness, sam_sharpness
from benchmark.results import Score, ScoreSpec
from benchmark.spaces import Point
from benchmark.statistics import exact, mean
from benchmark.subject import Subject


def _spec(
    label: str, description: str, unit: str = "", interval: IntervalKind = "whole set"
) -> ScoreSpec:
    return ScoreSpec(
        label=label, description=description, unit=unit, higher_is_better=False, interval=interval
    )


_CLEAN = "of the mean clean cross-entropy"

SPECS = {
    "hessian_top": _spec(
        "Hessian (top)",
        f"Largest eigenvalue of the Hessian {_CLEAN} with respect to all tensors of two or more "
        "dimensions outside normalization layers. Depends on the scale of the weights.",
    ),
    "hessian_ratio": _spec(
        "Hessian (non-convexity)",
        "Absolute value of the smallest eigenvalue of that Hessian over the largest: 0 where the "
        "loss is convex.",
    ),
    "hessian_trace": _spec(
        "Hessian (trace)",
        "Trace of that Hessian, estimated with random vectors; the interval is over these "
        "vectors. Depends on the scale of the weights.",
        interval="draws",
    ),
    "relative_hessian_top": _spec(
        "Relative Hessian (top)",
        f"Largest eigenvalue of the Hessian {_CLEAN} in units of each tensor's norm: invariant to "
        "moving scale between ReLU layers.",
    ),
    "relative_hessian_trace": _spec(
        "Relative Hessian (trace)",
        "Mean of v'Hv over random v with the norm of each weight tensor: the curvature in "
        "average-case flatness, within the linear pieces of a ReLU network.",
        interval="draws",
    ),
    "fisher_rao": _spec(
        "Fisher-Rao norm",
        "Root mean square, over test examples, of the derivative of the clean loss in the "
        "direction of the weights.",
        interval="heavy tail",
    ),
    "relative_flatness": _spec(
        "Relative flatness",
        "kappa_Tr of the last linear layer: inner products of its rows times traces of the blocks "
        "of its Hessian, with features of unit deviation. Larger is sharper.",
    ),
    "relative_flatness_max": _spec(
        "Relative flatness (max)",
        "kappa_max of the last linear layer: squared norms of its rows times the largest "
        "eigenvalues of the blocks of its Hessian, with features of unit deviation.",
    ),
    "sam": _spec(
        "SAM sharpness",
        "Increase of the clean loss along one ascent step of fixed length, as in sharpness-aware "
        "minimization. Depends on the scale of the weights.",
        "nats",
    ),
    "asam": _spec(
        "ASAM sharpness",
        "The same with a step in units of each weight's absolute value, so that the scale of the "
        "weights does not count.",
        "nats",
    ),
}


@dataclass(frozen=True)
class MeasureBudget:
    """The effort of the measures.

    Attributes:
        rule: which tensors SAM and ASAM perturb.
        lanczos_steps: maximum number of products with each Hessian, for its largest eigenvalue.
        trace_draws: number of random vectors per trace.
        sam_rho: length of SAM's step.
        asam_rho: length of ASAM's step.
    """

    rule: str
    lanczos_steps: int
    trace_draws: int
    sam_rho: float
    asam_rho: float


def measure(subject: Subject, budget: MeasureBudget) -> tuple[dict[str, Score], dict[str, Any]]:
    """The scores of :data:`SPECS`, and items for the protocol.

    Scores that do not apply are left out, and the protocol says why: relative flatness if the
    logits are not the output of a linear layer, and scores from second derivatives if a part of the
    model has none or there is no tensor of two dimensions.

    Args:
        subject: model and the examples to measure on.
        budget: effort.
    """
    protocol: dict[str, JsonValue] = {"examples": len(subject), "loss": "clean"}
    weights = subject.weights_that_move(budget.rule)
    scores = _one_step(subject, weights, budget)
    layer = last_layer(subject)
    if layer is None:
        protocol["relative flatness"] = "none: the logits are not the output of a linear layer"
    else:
        scored = layer.normalized()
        scores["relative_flatness"] = exact(scored.trace(), len(subject))
        scores["relative_flatness_max"] = exact(scored.largest(), len(subject))
    try:
        scores["fisher_rao"] = fisher_rao_norm(subject)
        if _has_kernels(subject):
            for prefix, relative in (("", False), ("relative_", True)):
                found, stated = _hessian(subject, budget, relative)
                scores |= {prefix + name: score for name, score in found.items()}
                protocol[f"{prefix}hessian".replace("_", " ")] = stated
        else:
            protocol["hessian"] = "none: no tensor has two dimensions"
    except NoSecondDerivativeError as error:
        protocol["second derivatives"] = f"none: {error}"
    return {name: scores[name] for name in SPECS if name in scores}, protocol


def _one_step(subject: Subject, weights: Point, budget: MeasureBudget) -> dict[str, Score]:
    found = {
        "sam": sam_sharpness(subject, weights, budget.sam_rho),
        "asam": asam_sharpness(subject, weights, budget.asam_rho),
    }
    return {name: exact(float(increase), len(subject)) for name, increase in found.items()}


def _has_kernels(subject: Subject) -> bool:
    return any(w.ndim > 1 for w in subject.weights_that_move("no-normalization").values())


def _hessian(
    subject: Subject, budget: MeasureBudget, relative: bool
) -> tuple[dict[str, Score], dict[str, Any]]:
    hessian = Hessian(subject, relative=relative)
    ends = hessian.spectrum(budget.lanczos_steps)
    scores = {
        "hessian_top": exact(ends.largest, len(subject)),
        "hessian_trace": mean(hessian.traces(budget.trace_draws).cpu().numpy()),
    }
    if not relative and ends.largest > 0:
        scores["hessian_ratio"] = exact(abs(ends.smallest) / ends.largest, len(subject))
    stated = {
        "Lanczos steps": ends.steps,
        "residual": ends.residual,
        "trace draws": budget.trace_draws,
    }
    return scores, stated
