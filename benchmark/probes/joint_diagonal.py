"""Both envelopes along one line: budgets that grow together up to the headline's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from benchmark.attacks.joint import climb_and_strike
from benchmark.attacks.weights import WeightBudget
from benchmark.certificates import certifier_of
from benchmark.probes.headline_norm import HeadlineNorm
from benchmark.probes.ladders import outcome_curve
from benchmark.probes.probe import bits
from benchmark.results import Curve, Outcomes, Score
from benchmark.statistics import exact
from benchmark.subject import Subject

LABEL = "share of both headline budgets"

OCTAVES = 16
"""How far down the largest share at which half of the examples are proven is looked for."""

STEPS = 4
"""Shares looked at an octave."""


@dataclass(frozen=True)
class Diagonal:
    """What is proven and what is broken within shares of the headline budgets.

    Attributes:
        shares: ascending from 0 to 1.
        certified: bool (N,) a share.
        attacked: bool (N,) a share, examples that stand; the last is the headline cell's.
        half: the largest share at which at least half of all examples are certified.
    """

    shares: tuple[float, ...]
    certified: list[Tensor]
    attacked: list[Tensor]
    half: float

    @classmethod
    def of(
        cls,
        subject: Subject,
        norm: HeadlineNorm,
        eps: float,
        radius: float,
        budget: WeightBudget,
        shares: Sequence[float],
        headline: Tensor,
    ) -> Diagonal:
        """Certify and attack within every share.

        Args:
            subject: model and examples.
            norm: of the input balls.
            eps: headline input budget.
            radius: headline weight radius.
            budget: geometry, rule and steps of the weights.
            shares: ascending, between 0 and 1.
            headline: bool (N,), what stands within the headline budgets.

        Raises:
            UncertifiableError: the model does something that no bound is known for.
        """
        certifier = certifier_of(subject, norm)

        def proven(share: float, among: Tensor | None = None) -> Tensor:
            ball = budget.ball(subject, share * radius)
            return certifier.certified(share * eps, ball, among)

        certified, attacked = [subject.correct()], [subject.correct()]
        for share in shares:
            certified.append(proven(share, certified[-1]))
            found = climb_and_strike(subject, norm, share * eps, share * radius, budget)
            worse = found.standing < int(attacked[-1].sum())
            attacked.append(found.robust if worse else attacked[-1])
            subject.progress(
                f"certified {certified[-1].float().mean():.1%}, attacked "
                f"{attacked[-1].float().mean():.1%} at {share:g} of both headline budgets"
            )
        certified.append(proven(1.0, certified[-1]))
        attacked.append(headline)
        half = largest_share(lambda share: bool(proven(share).double().mean() >= 0.5))
        return cls((0.0, *shares, 1.0), certified, attacked, half)

    def scores(self) -> dict[str, Score]:
        """What is proven at the headline and how far half is, and the area between the two."""
        gap = [
            float(above.double().mean() - below.double().mean())
            for above, below in zip(self.attacked, self.certified, strict=True)
        ]
        count = len(self.attacked[0])
        return {
            "certified_share": exact(self.half, count),
            "envelope_gap": exact(float(np.trapezoid(gap, self.shares)), count),
        }

    def curves(self) -> list[Curve]:
        """Attacked and certified accuracy over shares."""
        named = {"attacked": self.attacked, "certified": self.certified}
        return [
            outcome_curve("joint_envelopes", name, LABEL, self.shares, outcomes)
            for name, outcomes in named.items()
        ]

    def outcomes(self) -> dict[str, Outcomes]:
        """Both sides, by share."""
        return {
            f"{side} {share:g} of the headline": bits(outcome)
            for side, outcomes in (("attacked", self.attacked), ("certified", self.certified))
            for share, outcome in zip(self.shares, outcomes, strict=True)
        }

    def require_below(self) -> None:
        """Check both sides against each other: an attack against a proof.

        Raises:
            RuntimeError: a certified example was broken.
        """
        for share, proof, outcome in zip(self.shares, self.certified, self.attacked, strict=True):
            if broken := int((proof & ~outcome).sum()):
                raise RuntimeError(
                    f"{broken} certified examples fell at {share:g} of the headline budgets; "
                    "the certificate or the attack's verification is wrong"
                )


def largest_share(holds: Callable[[float], bool]) -> float:
    """The largest share ``2^(-j/4)`` at which something holds that fails above it; 0 if none.

    Args:
        holds: whether it does at a share.
    """
    low, high = 0, OCTAVES * STEPS
    if not holds(2.0**-OCTAVES):
        return 0.0  # as for most deep networks, after a single look
    while low < high:
        middle = (low + high) // 2
        if holds(2.0 ** (-middle / STEPS)):
            high = middle
        else:
            low = middle + 1
    return float(2.0 ** (-low / STEPS))
