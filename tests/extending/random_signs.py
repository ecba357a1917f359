"""A weight attack of somebody else, and the probe that asks it."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from benchmark.attacks.attack import Attack
from benchmark.attacks.result import AttackResult, SearchReport
from benchmark.attacks.weights import measured, weight_ball
from benchmark.budgets import Budget
from benchmark.probes import Probe, ProbeSettings
from benchmark.probes.definition import Definition, Formula, Source
from benchmark.probes.probe import as_outcomes, share
from benchmark.requirements import require_weights
from benchmark.results import Outcome, ProbeResult
from benchmark.statistics import proportion
from benchmark.subject import Subject
from benchmark.threats import WeightThreat
from models_zoo.prediction import predicted_classes


@dataclass(frozen=True)
class RandomSigns(Attack[AttackResult]):
    """Moves every weight as far as the ball allows, up or down at random.

    Attributes:
        threat: the ball around the weights.
        draws: how many patterns are tried.
    """

    threat: WeightThreat
    draws: int = 4

    def check(self, subject: Subject) -> None:
        """Weights that the rule lets move."""
        require_weights(subject)

    def run(self, subject: Subject) -> AttackResult:
        """The pattern that leaves the fewest examples correct."""
        ball = weight_ball(subject, self.threat)
        robust, weights = subject.correct(), ball.origin
        reports = []
        for draw in range(self.draws):
            generator = subject.generator("random signs", draw)
            point, logits = measured(subject, ball, ball.sphere(generator))
            correct = predicted_classes(logits) == subject.labels
            everywhere = torch.ones_like(correct)
            reports.append(SearchReport(f"signs {draw}", everywhere, ~correct, len(subject)))
            if correct.sum() < robust.sum():
                robust, weights = correct, point
        return AttackResult(self.threat, robust, subject.images, weights, tuple(reports))


class SignSettings(ProbeSettings):
    """Settings of the probe.

    Attributes:
        radius: of the ball, relative to each tensor's largest weight.
        draws: how many patterns are tried.
    """

    headline_settings = ("radius",)

    radius: Budget
    draws: int = 4


class SignProbe(Probe[SignSettings]):
    """Accuracy under random changes of all weights."""

    name = "random-signs"
    title = "Random signs"
    question = "How often is the model still right when all weights move at random?"
    perturbs = frozenset({"weights"})
    offers_threats = True
    scores = {
        "robust_accuracy": share(
            "Random signs",
            "Share of test examples still classified correctly under the worst of a few random "
            "changes of the weights.",
            headline=True,
        )
    }

    @classmethod
    def definition(cls) -> Definition:
        """As the other probes have it in a file."""
        source = {"text": "Doe 2026, Signs", "url": "https://example.org/signs", "use": "nothing"}
        formula = Formula(gives="robust_accuracy", text="min over draws", tex=r"\min_d a_d")
        return Definition(formulas=(formula,), sources=(Source.model_validate(source),))

    @property
    def headline_threats(self) -> list[WeightThreat]:
        """The ball of its radius."""
        return [WeightThreat("relative-linf", self.settings.radius)]

    def ask(self, subject: Subject) -> ProbeResult:
        """Run the attack."""
        (threat,) = self.headline_threats
        found = RandomSigns(threat, self.settings.draws).run(subject)
        robust = as_outcomes(found.robust)
        return ProbeResult(
            probe=self.name,
            scores={"robust_accuracy": proportion(robust)},
            share_of={"robust_accuracy": "headline"},
            protocol={"draws": self.settings.draws},
        ).with_outcomes({"headline": Outcome(robust, "headline", threat)})
