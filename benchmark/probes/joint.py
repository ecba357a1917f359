"""Accuracy under joint input and weight perturbation: a surface and its volume."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from benchmark.attacks.inputs import Effort, attack_ladder
from benchmark.attacks.joint import JointAttack, joint_surface
from benchmark.attacks.weights import WeightAttack, weight_ladder
from benchmark.probes.inputs import NORM_LABELS, InputSettings
from benchmark.probes.ladders import budget_text, require_rung
from benchmark.probes.probe import Budget, Ladder, Probe, ProbeSettings, bits, share
from benchmark.probes.weights import WeightSettings
from benchmark.results import ProbeResult, ScoreSpec, Surface
from benchmark.statistics import exact, proportion
from benchmark.subject import Subject
from models_zoo.errors import InputError


class JointSettings(ProbeSettings):
    """Which rungs of the input and weight ladders are combined.

    Attributes:
        linf: linf budgets, each a rung of the battery's input ladder.
        radii: weight radii, each a rung of the battery's weight ladder.
        headline_linf: input budget of ``robust_accuracy``.
        headline_radius: weight radius of ``robust_accuracy``.
        effort: of the input attack under perturbed weights.
    """

    linf: Ladder
    radii: Ladder
    headline_linf: Budget
    headline_radius: Budget
    effort: Effort = "quick"

    @model_validator(mode="after")
    def _headlines_are_rungs(self) -> Self:
        require_rung("joint.headline_linf", self.headline_linf, self.linf)
        require_rung("joint.headline_radius", self.headline_radius, self.radii)
        return self


class JointProbe(Probe):
    """Simultaneous ascent in input ball x weight ball, and the single attacks as candidates."""

    name = "joint"
    title = "Joint attack"
    question = "How often is the model still right when images and weights change together?"
    Settings = JointSettings
    scores = {
        "robust_accuracy": share(
            "Joint",
            "Share of test examples that stand the worst joint perturbation found: one weight "
            "perturbation within the headline radius for all examples, and an input perturbation "
            "within the headline linf ball for each.",
            headline=True,
        ),
        "volume": ScoreSpec(
            label="Joint volume",
            description="Volume under the joint accuracy surface over linf budget and weight "
            "radius (trapezoid rule), divided by the area of the budgets: 1 means never wrong.",
            unit="share",
            higher_is_better=True,
        ),
    }

    def ask(self, subject: Subject) -> ProbeResult:
        """Attack every cell of the surface, from small budgets to large."""
        settings: JointSettings = self.settings
        cells = self._surface(subject)
        budgets, radii = [0.0, *settings.linf], [0.0, *settings.radii]
        accuracy = np.array([[float(c.robust.double().mean()) for c in row] for row in cells])
        row, column = budgets.index(settings.headline_linf), radii.index(settings.headline_radius)
        headline = cells[row][column]
        return ProbeResult(
            probe=self.name,
            scores={
                "robust_accuracy": proportion(bits(headline.robust)),
                "volume": exact(volume(accuracy, budgets, radii), len(subject)),
            },
            outcomes={"headline": bits(headline.robust)}
            | {
                f"{eps:.6g}x{radius:.6g}": bits(cells[i][j].robust)
                for i, eps in enumerate(budgets)
                for j, radius in enumerate(radii)
            },
            surfaces=[
                Surface(
                    picture="joint_accuracy",
                    x_label="weight radius",
                    y_label=NORM_LABELS["linf"],
                    z_label="accuracy",
                    x=radii,
                    y=budgets,
                    x_text=[budget_text(r) for r in radii],
                    y_text=[budget_text(b) for b in budgets],
                    z=accuracy.tolist(),
                )
            ],
            protocol={
                "headline linf budget": settings.headline_linf,
                "headline radius": settings.headline_radius,
                "won by": _wins(cells),
                "effort under perturbed weights": settings.effort,
                "shared by": len(subject),
            },
        )

    def _surface(self, subject: Subject) -> list[list[JointAttack]]:
        """The cells, from the single-space attacks of the battery's own input and weight probes."""
        settings: JointSettings = self.settings
        inputs, weights = self.battery.get("input"), self.battery.get("weight")
        if not isinstance(inputs, InputSettings) or not isinstance(weights, WeightSettings):
            raise InputError("the joint probe needs a battery with an input and a weight probe")
        for eps in settings.linf:
            require_rung("joint.linf", eps, inputs.linf)
        for radius in settings.radii:
            require_rung("joint.radii", radius, weights.radii)
        alone = attack_ladder(subject, "linf", inputs.linf, inputs.effort)
        attacks = weight_ladder(subject, weights.radii, weights.budget)
        clean = subject.correct()
        return joint_surface(
            subject,
            "linf",
            [0.0, *settings.linf],
            [0.0, *settings.radii],
            budget=weights.budget,
            effort=settings.effort,
            alone=[clean, *(alone[inputs.linf.index(eps)] for eps in settings.linf)],
            weight=[
                WeightAttack({}, clean),
                *(attacks[weights.radii.index(radius)] for radius in settings.radii),
            ],
        )


def volume(accuracy: np.ndarray, budgets: list[float], radii: list[float]) -> float:
    """Trapezoid volume under ``accuracy`` (budgets x radii), normalised to [0, 1]."""
    over_radii = np.trapezoid(accuracy, radii, axis=1)
    return float(np.trapezoid(over_radii, budgets) / (budgets[-1] * radii[-1]))


def _wins(cells: list[list[JointAttack]]) -> dict[str, int]:
    """How many inner cells each candidate won."""
    names = [cell.won for row in cells[1:] for cell in row[1:]]
    return {name: names.count(name) for name in sorted(set(names))}
