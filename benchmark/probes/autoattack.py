"""The reference: AutoAttack's standard version, to compare our own numbers with."""

from __future__ import annotations

from benchmark.attacks.reference import require_attackable, run_autoattack
from benchmark.budgets import Budget
from benchmark.probes.probe import (
    Probe,
    ProbeSettings,
    as_outcomes,
    classes_of,
    refusal,
    share,
)
from benchmark.results import Outcome, ProbeResult
from benchmark.spaces.inputs import Norm
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import InputThreat


class AutoAttackSettings(ProbeSettings):
    """Budget of the reference attack.

    Attributes:
        eps: radius in input units.
        norm: the ball's norm.
    """

    eps: Budget
    norm: Norm = "linf"


class AutoAttackProbe(Probe):
    """AutoAttack standard (Croce & Hein 2020) through the package pyautoattack."""

    name = "input-autoattack"
    title = "AutoAttack (reference)"
    question = "What does the standard reference say at the headline input budget?"
    offers_threats = True
    Settings = AutoAttackSettings
    uses_image_gradients = True
    scores = {
        "robust_accuracy": share(
            "AutoAttack",
            "Share of test examples that AutoAttack's standard version leaves correctly "
            "classified at the stated budget, its images measured and classified again by us.",
        )
    }

    def applies(self, subject: Subject) -> str | None:
        """Enough classes for its targeted loss, and images that its Square attack can tile."""
        norm = self.settings.norm
        return refusal(lambda: require_attackable(subject, norm, classes_of(subject)))

    def ask(self, subject: Subject) -> ProbeResult:
        """Run AutoAttack on all examples and verify what it returns.

        Raises:
            InputError: see :func:`benchmark.attacks.reference.run_autoattack`.
        """
        settings: AutoAttackSettings = self.settings
        found = run_autoattack(subject, settings.norm, settings.eps)
        threat = InputThreat(settings.norm, settings.eps)
        return ProbeResult(
            probe=self.name,
            scores={"robust_accuracy": proportion(as_outcomes(found.robust))},
            share_of={"robust_accuracy": "headline"},
            headline_threats=[threat],
            protocol={"norm": settings.norm, "budget": float(settings.eps), "version": "standard"},
        ).with_outcomes({"headline": Outcome(as_outcomes(found.robust), "reference", threat)})
