"""Accuracy under joint input and weight perturbation: a surface, its volume, its lower envelope."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, Self

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from benchmark.attacks.inputs import Effort, InputAttackResult, attacks_by_budget
from benchmark.attacks.joint import JOINT, Outcome, joint_surface
from benchmark.attacks.weights import WeightAttack, weight_ladder
from benchmark.measures.temperature import confidence
from benchmark.probes.headline_norm import HeadlineNorm, headline_budget, in_headline_norm
from benchmark.probes.inputs import InputSettings
from benchmark.probes.joint_diagonal import Diagonal
from benchmark.probes.joint_envelope import ENVELOPE_SCORES, Envelope
from benchmark.probes.joint_grid import Grid
from benchmark.probes.ladders import require_rung
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings, bits, refusal, share
from benchmark.probes.weights import WeightSettings
from benchmark.results import ProbeResult, ScoreSpec
from benchmark.statistics import exact, proportion
from benchmark.subject import Subject
from models_zoo.errors import InputError

Share = Annotated[float, Field(gt=0, lt=1)]


class JointSettings(ProbeSettings):
    """Which rungs of the input and weight ladders are combined.

    Attributes:
        linf: linf budgets, each a rung of the battery's input ladder; where that is the headline
            norm.
        radii: weight radii, each a rung of the battery's weight ladder.
        headline_linf: linf budget of ``robust_accuracy``.
        headline_radius: weight radius of ``robust_accuracy``.
        effort: of the input attack under perturbed weights.
        certify: whether to look for certificates too, the lower envelope.
        shares: of both headline budgets at once, for the two envelopes where they are near.
        headline_norm: norm of the input balls.
        l2: l2 budgets in place of ``linf``, where that is the headline norm.
        headline_l2: l2 budget of ``robust_accuracy``.
    """

    later = ("headline_norm", "l2", "headline_l2", "linf", "headline_linf")

    linf: Ladder | None = None
    radii: Ladder
    headline_linf: Budget | None = None
    headline_radius: Budget
    effort: Effort = "quick"
    certify: bool = True
    shares: tuple[Share, ...] = (0.02, 0.05, 0.1, 0.2, 0.5)
    headline_norm: HeadlineNorm = "linf"
    l2: Ladder | None = None
    headline_l2: Budget | None = None

    @field_validator("shares")
    @classmethod
    def _shares_ascend(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if list(shares) != sorted(set(shares)):
            raise InputError(f"joint.shares must ascend, got {list(shares)}")
        return shares

    @property
    def budgets(self) -> tuple[float, ...]:
        """The input budgets, in the headline norm."""
        budgets: tuple[float, ...] = in_headline_norm("joint", self)
        return budgets

    @property
    def headline_eps(self) -> float:
        """The input budget of ``robust_accuracy``, in the headline norm."""
        return headline_budget("joint", self)

    @model_validator(mode="after")
    def _headlines_are_rungs(self) -> Self:
        norm = self.headline_norm
        require_rung(f"joint.headline_{norm}", self.headline_eps, self.budgets)
        require_rung("joint.headline_radius", self.headline_radius, self.radii)
        return self


def _share_standing(ball: str) -> ScoreSpec:
    return share(
        "Joint",
        "Share of test examples that stand the worst joint perturbation found: one weight "
        "perturbation within the headline radius for all examples, and an input perturbation "
        f"within the headline {ball} for each.",
        headline=True,
    )


def _area(label: str, description: str) -> ScoreSpec:
    return ScoreSpec(label=label, description=description, unit="share", higher_is_better=True)


class JointProbe(Probe):
    """Simultaneous ascent in input ball x weight ball, and certificates from below."""

    name = "joint"
    title = "Joint attack"
    question = "How often is the model still right when images and weights change together?"
    Settings = JointSettings
    climbs_images = True
    scores = {
        "robust_accuracy": _share_standing("linf ball (or that of the battery's headline norm)"),
        "volume": _area(
            "Joint volume",
            "Volume under the joint accuracy surface over input budget and weight radius "
            "(trapezoid rule), divided by the area of the budgets: 1 means never wrong.",
        ),
        "input_area": _area(
            "Input area",
            "Area under the surface's edge without weight perturbation, over input budgets, "
            "divided by the largest: the input attack alone.",
        ),
        "weight_area": _area(
            "Weight area",
            "Area under the surface's edge without input perturbation, over weight radii, divided "
            "by the largest: the weight attack alone.",
        ),
    } | ENVELOPE_SCORES
    scores_by_norm = {"l2": {"robust_accuracy": _share_standing("l2 ball")}}

    def applies(self, subject: Subject) -> str | None:
        """Weights that the weight probe's rule lets move.

        Raises:
            InputError: the battery has no input or weight probe with these rungs.
        """
        rule = self._neighbours()[1].rule
        return refusal(lambda: subject.weights_that_move(rule))

    @property
    def weight_rule(self) -> str:
        """That of the battery's weight probe."""
        return self._neighbours()[1].rule

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack every cell of the surface, from small budgets to large, and certify it."""
        settings: JointSettings = self.settings
        weights = self._neighbours()[1]
        norm = settings.headline_norm
        grid = Grid((0.0, *settings.budgets), (0.0, *settings.radii), norm)
        outcomes = self._surface(subject, grid)
        robust = [[cell.robust for cell in row] for row in outcomes]
        accuracy, cell = grid.accuracy(robust), (settings.headline_eps, settings.headline_radius)
        headline = bits(grid.at(robust, *cell))
        balls = [weights.budget.ball(subject, radius) for radius in grid.radii]
        envelope = Envelope.of(subject, grid, balls) if settings.certify else Envelope.left_out()
        envelope.require_below(grid, robust)
        diagonal = self._diagonal(subject, envelope, grid.at(robust, *cell))
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(headline),
                "volume": exact(grid.volume(accuracy), len(subject)),
                "input_area": exact(grid.input_area(accuracy), len(subject)),
                "weight_area": exact(grid.weight_area(accuracy), len(subject)),
            }
            | envelope.scores(grid, *cell)
            | (diagonal.scores() if diagonal else {}),
            outcomes={"headline": headline}
            | grid.named(robust)
            | envelope.outcomes(grid)
            | (diagonal.outcomes() if diagonal else {}),
            curves=diagonal.curves() if diagonal else [],
            surfaces=[
                grid.surface("joint_accuracy", "accuracy", accuracy),
                *envelope.surfaces(grid),
            ],
            protocol={
                f"headline {norm} budget": settings.headline_eps,
                "headline radius": settings.headline_radius,
                "effort under perturbed weights": settings.effort,
                "input ball": norm,
                "weight ball": weights.geometry,
                "tensors": weights.rule,
                "weight steps": weights.steps,
                "shared by": len(subject),
                "batch norm": "frozen",
                "mean confidence": confidence(subject.logits()),
                "certificate": envelope.reason,
            }
            | _candidates(outcomes),
        )

    def _diagonal(self, subject: Subject, envelope: Envelope, headline: Tensor) -> Diagonal | None:
        """Both envelopes within shares of the headline budgets, where the model has two."""
        settings: JointSettings = self.settings
        if envelope.certified is None:
            return None
        diagonal = Diagonal.of(
            subject,
            settings.headline_norm,
            settings.headline_eps,
            settings.headline_radius,
            self._neighbours()[1].budget,
            settings.shares,
            headline,
        )
        diagonal.require_below()
        return diagonal

    def _neighbours(self) -> tuple[InputSettings, WeightSettings]:
        """The battery's own input and weight probes, whose rungs the surface combines."""
        settings: JointSettings = self.settings
        inputs, weights = self.battery.get("input"), self.battery.get("weight")
        if not isinstance(inputs, InputSettings) or not isinstance(weights, WeightSettings):
            raise InputError("the joint probe needs a battery with an input and a weight probe")
        norm = settings.headline_norm
        for eps in settings.budgets:
            require_rung(f"joint.{norm}", eps, _ladder(inputs, norm))
        for radius in settings.radii:
            require_rung("joint.radii", radius, weights.radii)
        return inputs, weights

    def _surface(self, subject: Subject, grid: Grid) -> list[list[Outcome]]:
        """The cells, from the single-space attacks of the neighbouring probes."""
        settings: JointSettings = self.settings
        inputs, weights = self._neighbours()
        norm = settings.headline_norm
        ladder = _ladder(inputs, norm)
        rungs = _with_all_proofs(attacks_by_budget(subject, norm, ladder, inputs.effort))
        attacks = weight_ladder(subject, weights.radii, weights.budget)
        clean = subject.correct()
        return joint_surface(
            subject,
            norm,
            grid.budgets,
            grid.radii,
            budget=weights.budget,
            effort=settings.effort,
            alone=[
                InputAttackResult(subject.images, clean),
                *(rungs[ladder.index(eps)] for eps in settings.budgets),
            ],
            weight=[
                WeightAttack({}, clean),
                *(attacks[weights.radii.index(radius)] for radius in settings.radii),
            ],
        )


def _ladder(inputs: InputSettings, norm: HeadlineNorm) -> tuple[float, ...]:
    return inputs.linf if norm == "linf" else inputs.l2


def _with_all_proofs(rungs: list[InputAttackResult]) -> list[InputAttackResult]:
    """Rungs whose images also hold the proofs of the smaller budgets."""
    whole = rungs[:1]
    for before, rung in pairwise(rungs):
        fell = (before.robust & ~rung.robust).view(-1, 1, 1, 1)
        whole.append(replace(rung, images=torch.where(fell, rung.images, whole[-1].images)))
    return whole


def _candidates(cells: list[list[Outcome]]) -> dict[str, Any]:
    """Who won the cells in which both budgets are above 0, and how the joint climb did."""
    inner = [cell for row in cells[1:] for cell in row[1:]]
    names = [cell.won for cell in inner]
    climbed = [cell.standing for cell in inner if JOINT in cell.standing]
    rest = [min(n for name, n in each.items() if name != JOINT) for each in climbed]
    pairs = list(zip(climbed, rest, strict=True))
    return {
        "won by": {name: names.count(name) for name in sorted(set(names))},
        "cells climbed": len(climbed),
        "climb at least as strong as every alternative": sum(c[JOINT] <= r for c, r in pairs),
        "climb stronger than every alternative": sum(c[JOINT] < r for c, r in pairs),
    }
