"""The backdoor probe."""

from __future__ import annotations

import math

from benchmark.attacks.backdoor import (
    BackdoorByBudget,
    inject_all,
    require_injectable,
    split,
)
from benchmark.attacks.backdoor.injection import N_TRIALS
from benchmark.attacks.backdoor.splits import SEARCH_SHARE, SELECTION_SHARE
from benchmark.attacks.weights import weight_ball
from benchmark.probes.backdoor.outcomes import (
    HELD_OUT,
    TRIGGERED,
    combinations,
    outcome_scores,
    right_with_and_without,
)
from benchmark.probes.backdoor.pictures import (
    budget_curves,
    change_bars,
    combination_bars,
    trigger_thumbnails,
)
from benchmark.probes.backdoor.settings import BackdoorSettings
from benchmark.probes.probe import Probe, ProfileShare, as_outcomes, classes_of, refusal, share
from benchmark.results import Outcome, ProbeResult, ScoreSpec
from benchmark.spaces import WeightBall
from benchmark.statistics import exact, proportion, wilson
from benchmark.subject import Subject
from benchmark.threats import BackdoorThreat
from benchmark.work import PassMix, Work

SHARE_OF_STEPS = 0.97
"""Usual share of the steps that are taken, for estimates of the time left: an ascent ends early
when its backdoor is perfect."""

SHARE_OF_BISECTIONS = 0.7
"""Usual share of the bisections that run: none do where no budget suffices."""


class BackdoorProbe(Probe[BackdoorSettings]):
    """Projected ascent on the weights towards a composite objective, measured on other images."""

    name = "backdoor"
    algorithm = 3
    title = "Backdoor injection"
    pass_cost = 1.3
    mix = PassMix(weights=0.97)
    step_cost = 1.17
    question = (
        "How small a weight perturbation injects a backdoor without a noticeable loss of accuracy?"
    )
    perturbs = frozenset({"images", "weights"})
    offers_threats = True
    profile = ProfileShare("success", "backdoor resisted", complement=True)
    leading_pictures = ("backdoor",)
    scores = {
        "success": share(
            "Backdoor success",
            "Share of triggered images of other classes that are classified as the target class "
            "after injection at the headline budget, for the trigger, target and seed that work "
            "best; on images that were not used for optimization or selection.",
            headline=True,
            up=False,
        ),
        "success_at_any_cost": share(
            "Backdoor at any cost",
            "The same share for the weights with the highest success of all that were evaluated "
            "at the headline budget, whatever clean accuracy they cost: if no unnoticed backdoor "
            "is found, a noticeable one may still be. The protocol states its cost.",
            up=False,
        ),
        "mean_success": share(
            "Backdoor mean",
            "The same, on average over all triggers, targets and seeds of the battery.",
            up=False,
            interval="clusters",
        ),
        "clean_accuracy": share(
            "Backdoor clean",
            "Accuracy on clean images after the injection with the highest success, on the same "
            "images.",
        ),
        "clean_drop": ScoreSpec(
            label="Clean drop",
            description="Decrease of clean accuracy by this injection. Adversaries want it to be "
            "small.",
            unit="share",
            higher_is_better=None,
            interval="paired",
        ),
        "agreement": ScoreSpec(
            label="Agreement",
            description="Share of clean images whose predicted class this injection does not "
            "change, correct or not. Adversaries want it to be large.",
            unit="share",
            higher_is_better=None,
            interval="share",
        ),
        "base_rate": share(
            "Base rate",
            "Share of triggered images of other classes that the unperturbed model already "
            "classifies as the target class.",
            up=False,
        ),
        "relative_change": ScoreSpec(
            label="Weight change",
            description="Mean of |dw| / |w| over all weights with |w| of at least 1e-8, after "
            "this injection.",
            unit="share",
            higher_is_better=True,
            interval="search",
        ),
        "smallest_budget": ScoreSpec(
            label="Smallest backdoor",
            description="Smallest weight budget that reaches the required success (90% unless the "
            "battery says otherwise) for at most the allowed drop of clean accuracy (1 point), by "
            "bisection on the selection split, and confirmed on the measured split; infinite if "
            "no budget up to the battery's largest does both.",
            unit="radius",
            higher_is_better=True,
            interval="search",
        ),
        "smallest_change": ScoreSpec(
            label="Smallest change",
            description="Mean of |dw| / |w| over all weights with |w| of at least 1e-8 for the "
            "backdoor of the smallest budget; infinite if there is none.",
            unit="share",
            higher_is_better=True,
            interval="search",
        ),
    }

    def applies(self, subject: Subject) -> str | None:
        """Requires images of other classes, triggers that fit, and weights to perturb."""
        settings = self.settings
        backdoors = combinations(settings, subject).values()

        def check() -> None:
            subject.weights_that_move(settings.rule)
            require_injectable(split(subject), backdoors, classes_of(subject))

        return refusal(check)

    @property
    def weight_rule(self) -> str:
        """The rule of the settings."""
        settings = self.settings
        return settings.rule

    @property
    def headline_threats(self) -> list[BackdoorThreat]:
        """The backdoor's weight ball of the headline radius."""
        return [self.settings.threat(self.settings.headline)]

    def expected_work(self, subject: Subject) -> Work:
        """Forward and backward, clean and triggered, in every step of every ascent."""
        settings = self.settings
        combinations = len(settings.triggers) * len(settings.targets) * len(settings.seeds)
        halved = len(settings.budgets) - 1 + SHARE_OF_BISECTIONS * settings.bisections
        searched = int(SEARCH_SHARE * len(subject))
        batch = searched / max(math.ceil(searched / settings.effort.batch_size), 1)
        steps = SHARE_OF_STEPS * (combinations + halved / 2) * settings.steps
        # At points of all ascents, and at the start of those that begin from another's result.
        trials = SHARE_OF_STEPS * (combinations + halved) * N_TRIALS + halved + combinations
        selected = max(int(SELECTION_SHARE * len(subject)), 1)
        measured = len(subject) - searched - selected
        outcomes = combinations + halved
        passes = steps * 4 * batch + 2 * trials * selected + 2 * outcomes * measured
        return Work(passes, 2 * (steps + trials + outcomes))

    def ask(self, subject: Subject) -> ProbeResult:
        """Inject every combination at the headline budget, then the best one at every budget."""
        settings = self.settings
        splits, backdoors = split(subject), combinations(settings, subject)
        weights = subject.weights_that_move(settings.rule)

        def ball(budget: float) -> WeightBall:
            return weight_ball(subject, settings.threat(budget).weights)

        best, most_successful, outcomes = inject_all(
            splits, backdoors, ball(settings.headline), settings.effort, settings.goal
        )
        loud = most_successful.injection.measure(ball(settings.headline), most_successful.trial)
        by_budget = BackdoorByBudget(best.injection, ball)
        by_budget.inject(settings.budgets, settings.headline, best.trial)
        by_budget.bisect(settings.bisections)
        budgets = [0.0, *settings.budgets]
        kept = by_budget.kept(budgets)
        headline = outcomes[best.name] = kept[budgets.index(settings.headline)]
        loud_name, loud = max(
            (best.name, headline), (most_successful.name, loud), key=lambda each: each[1].rate
        )
        rates = [outcome.rate for outcome in outcomes.values()]
        threat = settings.threat(settings.headline)
        moving = sum(tensor.numel() for tensor in weights.values())
        return ProbeResult(
            probe=self.name,
            scores={
                **outcome_scores(headline),
                "success_at_any_cost": proportion(as_outcomes(loud.success)),
                "mean_success": wilson(sum(rates) / len(rates), len(headline.success)),
                "smallest_budget": exact(by_budget.smallest(), len(headline.robust)),
                "smallest_change": exact(by_budget.smallest_change(), len(headline.robust)),
            },
            share_of={"clean_accuracy": HELD_OUT},
            curves=budget_curves(settings.threat(settings.budgets[-1]), budgets, kept),
            bars=[*combination_bars(outcomes, threat), change_bars(headline.moved, moving, threat)],
            thumbnails=trigger_thumbnails(backdoors.values(), splits.measured.images),
            protocol={
                "ball": settings.geometry,
                "tensors": settings.rule,
                "headline budget": float(settings.headline),
                "combinations": len(backdoors),
                "best combination": best.name,
                "combination at any cost": loud_name,
                "clean drop at any cost": loud.drop,
                **splits.sizes,
                "batch norm": "frozen",
                "steps": settings.steps,
                "weights of triggered images": list(settings.betas),
                "counts as working": str(settings.goal),
                "smallest budget on the selection split": by_budget.smallest_selected(),
                "l1 norm of dw": headline.moved.l1,
                "l2 norm of dw": headline.moved.l2,
                "linf norm of dw": headline.moved.linf,
            },
        ).with_outcomes(
            {
                HELD_OUT: Outcome(as_outcomes(headline.robust), "control", threat),
                TRIGGERED: Outcome(
                    as_outcomes(
                        right_with_and_without(
                            subject, best.injection.backdoor.trigger, headline.weights
                        )
                    ),
                    "budget",
                    threat,
                ),
            }
        )
