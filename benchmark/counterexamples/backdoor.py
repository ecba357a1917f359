"""Counterexamples that are backdoors: a trigger of the battery, and a change of the weights."""

from __future__ import annotations

from dataclasses import replace

from benchmark.attacks.backdoor import Backdoor, BackdoorOutcome, split
from benchmark.attacks.backdoor.outcome import measure
from benchmark.attacks.embeddings import trigger_ball
from benchmark.counterexamples.counterexample import Counterexample
from benchmark.counterexamples.lowering import Lowered, with_outcomes_lowered
from benchmark.counterexamples.verification import Verified, perturbed_weights, require_parts
from benchmark.probes.backdoor.outcomes import (
    HELD_OUT,
    TRIGGERED,
    combinations,
    outcome_scores,
    right_with_and_without,
)
from benchmark.probes.backdoor.settings import BackdoorSettings
from benchmark.probes.probe import as_outcomes
from benchmark.probes.text_backdoor.backdoors import Asked, backdoors_of
from benchmark.probes.text_backdoor.outcomes import scores_beside
from benchmark.probes.text_backdoor.settings import TextBackdoorSettings
from benchmark.results import ProbeResult, Score
from benchmark.subject import Subject
from benchmark.threats import BackdoorThreat, includes
from models_zoo.errors import InputError


def verify_backdoor(
    example: Counterexample, subject: Subject, settings: BackdoorSettings | TextBackdoorSettings
) -> Verified:
    """Measure a backdoor as the probe does, on the inputs that its own injections are measured on.

    Args:
        example: a trigger, a target and a displacement of the weights.
        subject: the model and all evaluation examples, with the seed of the result: it decides the
            triggers and which inputs are measured on.
        settings: of the battery's backdoor probe, of images or of texts.

    Raises:
        InputError: the battery has no such backdoor, the weights do not fit or lie outside their
            ball, or the backdoor costs more clean accuracy than the battery allows.
    """
    threat, trigger, target = example.threat, example.trigger, example.target
    require_parts(example)
    if not isinstance(threat, BackdoorThreat) or trigger is None or target is None:
        raise InputError("a backdoor needs a trigger and a target")
    known, asked = _backdoors(settings, subject)
    same = [name for name, each in known.items() if _same(each, trigger, target)]
    if not same:
        raise InputError(
            f"the battery has no backdoor with the trigger {trigger} and the target class "
            f"{target}; it has {', '.join(known)}"
        )
    ball, measured = trigger_ball(subject, threat, trigger), split(subject).measured
    weights = perturbed_weights(example, ball)
    found = measure(measured, ball, trigger, target, weights)
    if not settings.goal.reached(1.0, found.drop):
        raise InputError(
            f"the backdoor costs {found.drop:.1%} of clean accuracy, more than the "
            f"{settings.clean_drop:.1%} that the battery allows"
        )
    robust = as_outcomes(right_with_and_without(subject, trigger, weights))
    return Verified(
        threat,
        robust,
        as_outcomes(subject.correct()) & ~robust,
        scores=_scores(found, measured, asked.get(same[0])),
        held_out=as_outcomes(found.robust),
    )


def _backdoors(
    settings: BackdoorSettings | TextBackdoorSettings, subject: Subject
) -> tuple[dict[str, Backdoor], dict[str, Asked]]:
    """The battery's backdoors by name; of texts also with the other trigger of each."""
    if isinstance(settings, BackdoorSettings):
        return combinations(settings, subject), {}
    asked = {each.name: each for each in backdoors_of(settings, subject)}
    return {name: each.backdoor for name, each in asked.items()}, asked


def _scores(found: BackdoorOutcome, measured: Subject, asked: Asked | None) -> dict[str, Score]:
    if asked is None:
        return outcome_scores(found)
    return scores_beside(found, asked.answers(measured.at(found.weights), other=True))


def _same(known: Backdoor, trigger: object, target: int) -> bool:
    return known.trigger == trigger and known.target == target


def lowered_backdoor(result: ProbeResult, found: Verified) -> Lowered | None:
    """Replace the backdoor of a result by one that succeeds more often.

    Args:
        result: of the backdoor probe, of images or of texts.
        found: of :func:`verify_backdoor`.

    Returns:
        ``None`` if it does not succeed more often within the headline ball.
    """
    kind = result.outcome_kinds.get(TRIGGERED)
    if kind is None or kind.threat is None or not isinstance(found.threat, BackdoorThreat):
        return None
    # It was verified to be of the battery, whose threat is about any of its backdoors.
    any_of_them = replace(found.threat, trigger=None, target=None)
    if not includes(kind.threat, any_of_them):
        return None
    if found.held_out is None or found.scores["success"].value <= result.scores["success"].value:
        return None
    bits = {TRIGGERED: found.robust, HELD_OUT: found.held_out}
    kept = {name: each for name, each in bits.items() if name in result.outcomes}
    changed = with_outcomes_lowered(result, kept)
    scores = changed.result.scores | found.scores
    return Lowered(changed.result.model_copy(update={"scores": scores}), changed.changes)
