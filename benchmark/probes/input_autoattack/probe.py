"""The reference probe: AutoAttack's standard version, for comparison with the input probe."""

from __future__ import annotations

from benchmark.attacks.reference import require_attackable, run_autoattack
from benchmark.probes.input_autoattack.settings import AutoAttackSettings
from benchmark.probes.probe import (
    Probe,
    as_outcomes,
    classes_of,
    refusal,
    share,
)
from benchmark.results import Outcome, ProbeResult
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat


class AutoAttackProbe(Probe[AutoAttackSettings]):
    """AutoAttack standard (Croce & Hein 2020) through the package pyautoattack."""

    name = "input-autoattack"
    title = "AutoAttack (reference)"
    question = "What is the robust accuracy under AutoAttack at the headline input budget?"
    perturbs = frozenset({"images"})
    offers_threats = True
    reference_for = "input"
    uses_image_gradients = True
    scores = {
        "robust_accuracy": share(
            "AutoAttack",
            "Share of test examples still classified correctly under AutoAttack's standard "
            "version at the stated budget; the images it returns are measured and classified "
            "again.",
        )
    }

    def applies(self, subject: Subject) -> str | None:
        """Requires enough classes for the targeted loss, and images that squares can tile."""
        norm = self.settings.norm
        return refusal(lambda: require_attackable(subject, norm, classes_of(subject)))

    @property
    def headline_threats(self) -> list[InputThreat]:
        """The ball of its budget."""
        return [InputThreat(self.settings.norm, self.settings.eps)]

    def ask(self, subject: Subject) -> ProbeResult:
        """Run AutoAttack on all examples and verify what it returns.

        Raises:
            InputError: see :func:`benchmark.attacks.reference.run_autoattack`.
        """
        settings = self.settings
        found = run_autoattack(subject, settings.norm, settings.eps)
        (threat,) = self.headline_threats
        return ProbeResult(
            probe=self.name,
            scores={"robust_accuracy": proportion(as_outcomes(found.robust))},
            share_of={"robust_accuracy": "headline"},
            protocol={"norm": settings.norm, "budget": float(settings.eps), "version": "standard"},
        ).with_outcomes({"headline": Outcome(as_outcomes(found.robust), "reference", threat)})
