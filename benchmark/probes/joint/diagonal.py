"""Attacked and certified accuracy along the diagonal: shares of both headline budgets at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from benchmark.attacks.joint import quick_joint_attack
from benchmark.attacks.weights import weight_ball
from benchmark.certificates import certifier_of
from benchmark.probes.budget_curves import outcome_curve
from benchmark.probes.probe import as_outcomes
from benchmark.results import Curve, Outcome, Role, Score
from benchmark.statistics import bounded_score, exact
from benchmark.subject import Subject
from benchmark.threats import JointThreat

SHARE_LABEL = "share of both headline budgets"

N_OCTAVES = 16
"""Number of octaves of the search for the largest share at which half of the examples are
certified: down to ``2^-16``."""

SHARES_PER_OCTAVE = 4
"""Number of shares per octave of that search."""


@dataclass(frozen=True)
class Diagonal:
    """Certified and attacked outcomes within shares of the headline budgets.

    Attributes:
        threat: that of the headline.
        shares: ascending from 0 to 1.
        certified: bool (N,) per share.
        attacked: bool (N,) per share, examples that are robust to the attack; the last is the
            headline outcome.
        half: the largest share at which at least half of all examples are certified.
    """

    threat: JointThreat
    shares: tuple[float, ...]
    certified: list[Tensor]
    attacked: list[Tensor]
    half: float

    @classmethod
    def of(
        cls,
        subject: Subject,
        threat: JointThreat,
        steps: int,
        shares: Sequence[float],
        headline: Tensor,
    ) -> Diagonal:
        """Certify and attack within every share.

        Args:
            subject: model and examples.
            threat: that of the headline.
            steps: APGD steps over the weights.
            shares: ascending, between 0 and 1.
            headline: bool (N,), examples that are robust within the headline budgets.

        Raises:
            UncertifiableError: the model has an operation without a known bound.
        """
        certifier = certifier_of(subject, threat.inputs.norm)

        def proven(share: float, among: Tensor | None = None) -> Tensor:
            part = threat.scaled(share)
            return certifier.certified(part.inputs.eps, weight_ball(subject, part.weights), among)

        certified, attacked = [subject.correct()], [subject.correct()]
        for share in shares:
            certified.append(proven(share, certified[-1]))
            found = quick_joint_attack(subject, threat.scaled(share), steps)
            worse = found.n_robust < int(attacked[-1].sum())
            attacked.append(found.robust if worse else attacked[-1])
            subject.progress(
                f"certified {certified[-1].float().mean():.1%}, attacked "
                f"{attacked[-1].float().mean():.1%} at {share:g} of both headline budgets"
            )
        certified.append(proven(1.0, certified[-1]))
        attacked.append(headline)
        half = largest_share(lambda share: bool(proven(share).double().mean() >= 0.5))
        return cls(threat, (0.0, *shares, 1.0), certified, attacked, half)

    def scores(self) -> dict[str, Score]:
        """Certified accuracy, the share with half certified, and the area between both curves."""
        gap = [
            float(above.double().mean() - below.double().mean())
            for above, below in zip(self.attacked, self.certified, strict=True)
        ]
        apart = [
            (above & ~below).double().cpu().numpy()
            for above, below in zip(self.attacked, self.certified, strict=True)
        ]
        gaps = np.trapezoid(apart, self.shares, axis=0)
        count = len(self.attacked[0])
        return {
            "certified_share": exact(self.half, count),
            "envelope_gap": bounded_score(float(np.trapezoid(gap, self.shares)), gaps),
        }

    @property
    def _sides(self) -> list[tuple[str, Role, list[Tensor]]]:
        return [
            ("attacked", "envelope", self.attacked),
            ("certified", "certificate", self.certified),
        ]

    def curves(self) -> list[Curve]:
        """Attacked and certified accuracy over shares."""
        return [
            outcome_curve(
                "joint_envelopes",
                name,
                SHARE_LABEL,
                self.shares,
                outcomes,
                role=role,
                threat=self.threat,
            )
            for name, role, outcomes in self._sides
        ]

    def outcomes(self) -> dict[str, Outcome]:
        """Attacked and certified outcomes, by share."""
        return {
            f"{name} {share:g} of the headline": Outcome(
                as_outcomes(outcome), role, self.threat.scaled(share)
            )
            for name, role, outcomes in self._sides
            for share, outcome in zip(self.shares, outcomes, strict=True)
        }

    def require_below(self) -> None:
        """Check that no certified example was broken.

        Raises:
            RuntimeError: a certified example was broken.
        """
        for share, proof, outcome in zip(self.shares, self.certified, self.attacked, strict=True):
            if broken := int((proof & ~outcome).sum()):
                raise RuntimeError(
                    f"{broken} certified examples were broken at {share:g} of the headline; "
                    "the certificate or the attack's verification is wrong"
                )


def largest_share(holds: Callable[[float], bool]) -> float:
    """The largest share ``2^(-j/4)`` at which a monotone condition holds; 0 if none.

    Args:
        holds: whether the condition holds at a share.
    """
    low, high = 0, N_OCTAVES * SHARES_PER_OCTAVE
    if not holds(2.0**-N_OCTAVES):
        return 0.0  # as for most deep networks, after a single evaluation
    while low < high:
        middle = (low + high) // 2
        if holds(2.0 ** (-middle / SHARES_PER_OCTAVE)):
            high = middle
        else:
            low = middle + 1
    return float(2.0 ** (-low / SHARES_PER_OCTAVE))
