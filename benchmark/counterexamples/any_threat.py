"""Verifying and counting a counterexample, whatever its threat is."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.counterexamples.backdoor import lowered_backdoor, verify_backdoor
from benchmark.counterexamples.counterexample import Counterexample
from benchmark.counterexamples.lowering import Lowered, lowered_by_perturbation
from benchmark.counterexamples.verification import Verified, verify_perturbation
from benchmark.probes.backdoor.probe import BackdoorProbe
from benchmark.probes.backdoor.settings import BackdoorSettings
from benchmark.probes.settings import ProbeSettings
from benchmark.probes.text_backdoor.probe import TextBackdoorProbe
from benchmark.probes.text_backdoor.settings import TextBackdoorSettings
from benchmark.results import ProbeResult
from benchmark.subject import Subject
from benchmark.threats import BackdoorThreat
from models_zoo.errors import InputError


def depends_on_battery(example: Counterexample) -> bool:
    """Whether what it shows is about one battery and seed alone, as for backdoors."""
    return isinstance(example.threat, BackdoorThreat)


def verify(
    example: Counterexample, subject: Subject, probes: Mapping[str, ProbeSettings] | None = None
) -> Verified:
    """Measure a counterexample against its ball, and classify it again.

    Args:
        example: the counterexample.
        subject: the model and all evaluation examples; for a backdoor with the seed of the result.
        probes: settings of the battery's probes, which a backdoor is compared with.

    Raises:
        InputError: it does not fit the model, the examples or the battery, lies outside its ball or
            outside [0, 1], or breaks nothing.
    """
    if not depends_on_battery(example):
        return verify_perturbation(example, subject)
    probe = BackdoorProbe if subject.kind == "images" else TextBackdoorProbe
    settings = (probes or {}).get(probe.name)
    if not isinstance(settings, BackdoorSettings | TextBackdoorSettings):
        raise InputError("a backdoor is compared with a battery's, and this battery has none")
    return verify_backdoor(example, subject, settings)


def lowered(results: Mapping[str, ProbeResult], found: Verified) -> dict[str, Lowered]:
    """Lower the results of a model by what a counterexample has been verified to break.

    Args:
        results: of a model on the examples that the counterexample is about, by probe; for a
            backdoor also with the battery and the seed that it was verified with.
        found: the verified counterexample.

    Returns:
        The results that change, by probe.
    """
    if not isinstance(found.threat, BackdoorThreat):
        return lowered_by_perturbation(results, found)
    changes = {}
    for name in (BackdoorProbe.name, TextBackdoorProbe.name):
        change = lowered_backdoor(results[name], found) if name in results else None
        if change is not None:
            changes[name] = change
    return changes
