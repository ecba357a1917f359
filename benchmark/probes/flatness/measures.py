"""Measures of flatness from the literature, to compare with: cheap ones, on the clean loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from benchmark.measures.fisher_rao import fisher_rao_norm
from benchmark.measures.hessian import Hessian
from benchmark.measures.relative_flatness import last_layer
from benchmark.measures.second_order import NoSecondDerivativeError
from benchmark.measures.sharpness import asam_sharpness, sam_sharpness
from benchmark.results import Score, ScoreSpec
from benchmark.spaces import Point
from benchmark.statistics import exact, mean
from benchmark.subject import Subject


def _spec(label: str, description: str, unit: str = "") -> ScoreSpec:
    return ScoreSpec(label=label, description=description, unit=unit, higher_is_better=False)


_CLEAN = "of the mean clean cross-entropy"

SPECS = {
    "hessian_top": _spec(
        "Hessian (top)",
        f"Largest eigenvalue of the Hessian {_CLEAN} by all tensors of two or more dimensions but "
        "those of normalisation. Depends on the scale of the weights.",
    ),
    "hessian_ratio": _spec(
        "Hessian (non-convexity)",
        "Size of the smallest eigenvalue of that Hessian over the largest: 0 in a convex basin.",
    ),
    "hessian_trace": _spec(
        "Hessian (trace)",
        "Trace of that Hessian, estimated with random vectors; the interval is over them. Depends "
        "on the scale of the weights.",
    ),
    "relative_hessian_top": _spec(
        "Relative Hessian (top)",
        f"Largest eigenvalue of the Hessian {_CLEAN} in units of each tensor's norm: unchanged "
        "when scale moves between ReLU layers.",
    ),
    "relative_hessian_trace": _spec(
        "Relative Hessian (trace)",
        "Mean of v'Hv over random v with the norm of each weight tensor: the curvature that "
        "average-case flatness sees between the bends of ReLU.",
    ),
    "fisher_rao": _spec(
        "Fisher-Rao norm",
        "Root of the mean square, over test examples, of the slope of the clean loss along the "
        "weights themselves.",
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
        "Rise of the clean loss along one step uphill of fixed length, as in sharpness-aware "
        "minimisation. Depends on the scale of the weights.",
        "nats",
    ),
    "asam": _spec(
        "ASAM sharpness",
        "The same with a step in units of each weight's own size, so that the scale of the weights "
        "does not count.",
        "nats",
    ),
}


@dataclass(frozen=True)
class MeasureBudget:
    """How much effort goes into the measures.

    Attributes:
        rule: which tensors SAM and ASAM move.
        lanczos_steps: at most so many products with each Hessian for its largest eigenvalue.
        trace_draws: random vectors of each trace.
        sam_rho: length of SAM's step.
        asam_rho: length of ASAM's step.
    """

    rule: str
    lanczos_steps: int
    trace_draws: int
    sam_rho: float
    asam_rho: float


def measure(subject: Subject, budget: MeasureBudget) -> tuple[dict[str, Score], dict[str, Any]]:
    """The scores of :data:`SPECS`, and what to state beside them.

    What a model does not have is left out and the protocol says why: relative flatness where the
    logits are not the output of a linear layer, and what needs second derivatives where a part of
    the model has none or there is no tensor of two dimensions.

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
    return {name: exact(float(rise), len(subject)) for name, rise in found.items()}


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
