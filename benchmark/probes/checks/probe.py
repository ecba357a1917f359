"""The checks probe: masked gradients and faulty forward passes.

Each check is a function of :mod:`benchmark.checks`; its figure is recorded whether or not it raised
a flag.
"""

from __future__ import annotations

import torch

from benchmark import checks
from benchmark.probes.checks.settings import ChecksSettings
from benchmark.probes.probe import Probe
from benchmark.results import ProbeResult, ScoreSpec
from benchmark.statistics import exact
from benchmark.subject import Subject
from benchmark.work import PassMix, Work

BUDGET_FACTORS = (0.25, 0.5, 1.0, 2.0)
"""Budgets between which accuracy must not increase, in units of ``eps``."""

PASSES_PER_EXAMPLE = 80.0
"""Usual number of passes per example, for estimates of the time left: 59 where no example is
robust, 113 where most are."""


class ChecksProbe(Probe[ChecksSettings]):
    """Flags with figures, similar to those of AutoAttack (Croce & Hein 2020)."""

    name = "checks"
    mix = PassMix(images=0.75)
    step_cost = 1.35
    takes_random_models = True
    title = "Checks"
    question = "Can the outcomes of attacks be trusted, or does the model only look robust?"
    scores = {
        "raised": ScoreSpec(
            label="Flags",
            description="Number of checks that raised a flag. Until a flag is explained, robust "
            "accuracies may be too high, or scores meaningless.",
            unit="count",
            higher_is_better=False,
            interval="whole set",
        )
    }

    def expected_work(self, subject: Subject) -> Work:
        """Few, on the first examples alone."""
        some = min(self.settings.examples, len(subject))
        return Work.in_batches(PASSES_PER_EXAMPLE * some, some)

    def ask(self, subject: Subject) -> ProbeResult:
        """Run every check on the first examples."""
        settings = self.settings
        some = subject.head(settings.examples)
        device = some.images.device
        budgets = [factor * settings.eps for factor in BUDGET_FACTORS]
        seed = int(torch.randint(2**31, (), generator=some.generator("checks", "model")))
        # A model that draws random numbers must not change the caller's generators, and must draw
        # the same numbers next time.
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            flags = [
                checks.non_finite_outputs(some, settings.eps),
                checks.not_logits(some),
                checks.train_mode(some),
                checks.weights_under_attack(some),
                checks.random_outputs(some),
                checks.batch_dependence(some),
                checks.vanishing_gradients(some),
                checks.saturated_loss(some),
                checks.inexact_gradients(some),
                checks.gradient_free_wins(
                    *checks.gradient_versus_random_search(some, settings.eps, settings.steps)
                ),
                checks.accuracy_rises(
                    budgets, checks.robust_counts_along_gradient(some, budgets, settings.steps)
                ),
            ]
        raised = [flag for flag in flags if flag.raised]
        subject.progress("checks: " + (", ".join(flag.name for flag in raised) or "no flags"))
        return ProbeResult(
            probe=self.name,
            scores={"raised": exact(float(len(raised)), len(some))},
            flags=flags,
            protocol={
                "examples": len(some),
                "linf budget of both searches": settings.eps,
                "steps of both searches": settings.steps,
            },
        )
