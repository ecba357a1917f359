"""Lowering results: what a counterexample breaks counts as broken under every larger threat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from benchmark.counterexamples.verification import Verified
from benchmark.probes import PROBES
from benchmark.results import Curve, Flag, Outcomes, ProbeResult, Surface
from benchmark.statistics import proportion
from benchmark.threats import BackdoorThreat, InputThreat, JointThreat, Threat, includes

ATTACKED = ("headline", "budget", "envelope")
"""Roles of the outcomes of attacks, which a stronger attack lowers."""

CONTRADICTED = "certificate_contradicted"
"""Name of the flag of a certificate that a counterexample contradicts."""


@dataclass(frozen=True)
class Lowered:
    """A result that counterexamples have lowered.

    Attributes:
        result: with the outcomes, and the scores and curves that are shares of examples in them.
        changes: number of robust examples before and after, by the name of the outcome.
    """

    result: ProbeResult
    changes: dict[str, tuple[int, int]] = field(default_factory=dict)


def lowered_by_perturbation(
    results: Mapping[str, ProbeResult], found: Verified
) -> dict[str, Lowered]:
    """Lower results by what a counterexample on images or weights has been verified to break.

    An outcome of an attack on images loses the examples that are broken within a ball that its own
    includes. Weights are perturbed once for all examples, so an outcome of an attack on weights, or
    on both at once, is replaced by that of the counterexample if fewer examples are robust under
    it; an outcome of the joint attack also by one of the attack on images or on weights alone that
    has become lower.

    Scores that are a share of examples, curves and surfaces follow their outcomes. Others, such as
    the volume under the joint surface, are those that were measured. Results of probes for models
    that draw random numbers stay as they are: one misclassification of such a model is no proof.

    Args:
        results: of a model on the examples that the counterexample is about, by probe.
        found: the verified counterexample.

    Returns:
        The results that change, by probe.
    """
    outcomes = {
        probe: {name: _worse(result, name, found) for name in result.outcome_kinds}
        for probe, result in results.items()
        if result.left_out is None and not _is_about_draws(probe)
    }
    changed = {
        probe: {name: bits for name, bits in each.items() if bits is not None}
        for probe, each in outcomes.items()
    }
    _spread(results, changed)
    return {
        probe: with_outcomes_lowered(results[probe], bits)
        for probe, bits in changed.items()
        if bits
    }


def _is_about_draws(probe: str) -> bool:
    """Whether a probe's outcomes are about many draws of a random model."""
    return probe in PROBES and PROBES[probe].takes_random_models


def _worse(result: ProbeResult, name: str, found: Verified) -> Outcomes | None:
    """The bits of an outcome with the counterexample; ``None`` if it changes nothing."""
    kind, bits = result.outcome_kinds[name], result.outcomes.get(name)
    if bits is None or kind.threat is None or isinstance(kind.threat, BackdoorThreat):
        return None
    if len(bits) != len(found.robust) or not includes(kind.threat, found.threat):
        return None
    if kind.role == "certificate" or (
        kind.role in ATTACKED and isinstance(kind.threat, InputThreat)
    ):
        lost: Outcomes = bits & ~found.broken
        return None if np.array_equal(lost, bits) else lost
    if kind.role in ATTACKED and not isinstance(found.threat, InputThreat):
        return _fewer(found.robust, bits)
    return None


def _fewer(candidate: Outcomes, bits: Outcomes) -> Outcomes | None:
    return candidate if int(candidate.sum()) < int(bits.sum()) else None


def _spread(results: Mapping[str, ProbeResult], changed: dict[str, dict[str, Outcomes]]) -> None:
    """Let lowered outcomes of attacks on one part lower those of joint threats that include it."""
    alone: list[tuple[Threat, Outcomes]] = []
    for probe, each in changed.items():
        for name, bits in each.items():
            kind = results[probe].outcome_kinds[name]
            if kind.role in ATTACKED and kind.threat is not None:
                alone.append((kind.threat, bits))
    for probe, result in results.items():
        for name, kind in result.outcome_kinds.items():
            if kind.role not in ATTACKED or not isinstance(kind.threat, JointThreat):
                continue
            now = changed.get(probe, {}).get(name, result.outcomes.get(name))
            for threat, bits in alone:
                if now is not None and len(bits) == len(now) and includes(kind.threat, threat):
                    fewer = _fewer(bits, now)
                    if fewer is not None:
                        now = changed.setdefault(probe, {})[name] = fewer


def with_outcomes_lowered(result: ProbeResult, bits: Mapping[str, Outcomes]) -> Lowered:
    """A result with other outcomes, and with the scores, curves and surfaces that follow from them.

    Args:
        result: as it was.
        bits: the outcomes that change, by name.
    """
    outcomes = {**result.outcomes, **bits}
    changes = {
        name: (int(result.outcomes[name].sum()), int(after.sum())) for name, after in bits.items()
    }
    shares = {
        score: proportion(outcomes[name]) for score, name in result.share_of.items() if name in bits
    }
    kinds = result.outcome_kinds
    by_threat = {
        kinds[name].threat.key: outcomes[name]  # type: ignore[union-attr]
        for name in bits
        if kinds[name].role in ATTACKED
    }
    contradicted = [name for name in bits if kinds[name].role == "certificate"]
    return Lowered(
        result.model_copy(
            update={
                "outcomes": outcomes,
                "scores": result.scores | shares,
                "curves": [_curve(each, by_threat) for each in result.curves],
                "surfaces": [_surface(each, by_threat) for each in result.surfaces],
                "flags": [*result.flags, *(_contradiction(contradicted) if contradicted else ())],
            }
        ),
        changes,
    )


def _curve(curve: Curve, by_threat: Mapping[str, Outcomes]) -> Curve:
    if curve.role not in ATTACKED or curve.unit != "share":
        return curve
    y = list(curve.y)
    for place in range(len(y)):
        threat = curve.threat_at(place)
        if threat is not None and threat.key in by_threat:
            y[place] = proportion(by_threat[threat.key])
    return curve.model_copy(update={"y": y})


def _surface(surface: Surface, by_threat: Mapping[str, Outcomes]) -> Surface:
    if surface.role not in ATTACKED or surface.threat is None:
        return surface
    z = [list(row) for row in surface.z]
    for row, values in enumerate(z):
        for column in range(len(values)):
            threat = surface.threat_at(row, column)
            if threat is not None and threat.key in by_threat:
                values[column] = float(by_threat[threat.key].mean())
    return surface.model_copy(update={"z": z})


def _contradiction(names: list[str]) -> list[Flag]:
    return [
        Flag(
            name=CONTRADICTED,
            title="A counterexample contradicts a certificate",
            raised=True,
            figure=float(len(names)),
            saw=f"A verified counterexample breaks certified examples: {', '.join(names)}.",
            advice="The certificate is wrong: please report it with the counterexample.",
        )
    ]
