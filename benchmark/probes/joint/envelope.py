"""The lower envelope of the joint surface: certified accuracy at each pair of budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from benchmark.certificates import UncertifiableError, certify_surface
from benchmark.probes.joint.grid import Grid
from benchmark.probes.probe import as_outcomes, share
from benchmark.results import Outcome, Score, ScoreSpec, Surface
from benchmark.spaces import WeightBall
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import JointThreat

ENVELOPE_SCORES = {
    "certified_accuracy": share(
        "Certified joint",
        "Share of test examples proven to be classified correctly under every joint perturbation "
        "within the headline budgets. The exact share is between it and the attacked accuracy.",
    ),
    "certified_share": ScoreSpec(
        label="Certified share",
        description="Largest share of both headline budgets at once within which at least half of "
        "all test examples are proven to be classified correctly, with a resolution of a quarter "
        "of an octave.",
        unit="",
        higher_is_better=True,
        interval="whole set",
    ),
    "envelope_gap": ScoreSpec(
        label="Envelope gap",
        description="Attacked minus certified accuracy, averaged over both budgets growing "
        "together from 0 to those of the headline: the part that attacks and certificates leave "
        "open between them.",
        unit="share",
        higher_is_better=None,
        interval="bounded",
    ),
}


@dataclass(frozen=True)
class Envelope:
    """Certified outcomes over a grid, or why there are none.

    Attributes:
        certified: bool (N,) per pair of budgets; ``None`` where there is no certificate.
        reason: what the certificates are, or why there are none.
    """

    certified: list[list[Tensor]] | None
    reason: str

    @classmethod
    def of(cls, subject: Subject, grid: Grid, balls: Sequence[WeightBall]) -> Envelope:
        """Certify the outcomes at all budgets, if the network allows it.

        Args:
            subject: model and examples.
            grid: the budgets.
            balls: the weight balls of the grid's radii.
        """
        try:
            certified = certify_surface(subject, grid.norm, grid.budgets, balls)
        except UncertifiableError as error:
            return cls(None, f"none: {error}")
        return cls(certified, "interval and l2 bounds over images and weights")

    @classmethod
    def left_out(cls) -> Envelope:
        """No certificate, as configured in the battery."""
        return cls(None, "none: disabled in the battery")

    def require_below(self, grid: Grid, robust: Sequence[Sequence[Tensor]]) -> None:
        """Check that no certified example was broken.

        Raises:
            RuntimeError: a certified example was broken.
        """
        if self.certified is None:
            return
        for i, inputs in enumerate(grid.inputs):
            for j, weights in enumerate(grid.weights):
                broken = int((self.certified[i][j] & ~robust[i][j]).sum())
                if broken:
                    raise RuntimeError(
                        f"{broken} certified examples were broken at "
                        f"{JointThreat(inputs, weights).label}; "
                        "the certificate or the attack's verification is wrong"
                    )

    def scores(self, grid: Grid, threat: JointThreat) -> dict[str, Score]:
        """Certified accuracy at one pair of budgets."""
        if self.certified is None:
            return {}
        return {"certified_accuracy": proportion(as_outcomes(grid.at(self.certified, threat)))}

    def outcomes(self, grid: Grid) -> dict[str, Outcome]:
        """Certified outcomes by their budgets, such as ``"certified 0.1x0.02"``."""
        if self.certified is None:
            return {}
        return grid.named(self.certified, "certificate", "certified ")

    def surfaces(self, grid: Grid) -> list[Surface]:
        """The chart of the lower envelope."""
        if self.certified is None:
            return []
        shares = grid.accuracy(self.certified)
        return [grid.surface("joint_certified", "certified accuracy", shares, "certificate")]
