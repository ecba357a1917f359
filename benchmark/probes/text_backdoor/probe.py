"""The probe for backdoors in models of texts."""

from __future__ import annotations

import math

import torch

from benchmark.attacks.backdoor import require_injectable, split
from benchmark.attacks.backdoor.injection import N_TRIALS
from benchmark.attacks.backdoor.splits import SEARCH_SHARE, SELECTION_SHARE
from benchmark.attacks.embeddings.poisoning import BATCH_SIZE as POISONING_BATCH
from benchmark.probes.backdoor.outcomes import (
    HELD_OUT,
    TRIGGERED,
    right_with_and_without,
)
from benchmark.probes.probe import Probe, ProfileShare, as_outcomes, classes_of, refusal
from benchmark.probes.text_backdoor.backdoors import Balls, backdoors_of
from benchmark.probes.text_backdoor.baselines import Compared, poisoning, random_signs, surgery
from benchmark.probes.text_backdoor.outcomes import scores_beside
from benchmark.probes.text_backdoor.pictures import (
    RANDOM,
    mean_success,
    repeat_bars,
    rule_bars,
    rule_curves,
    trigger_bars,
)
from benchmark.probes.text_backdoor.searches import RuleSearch, search_rule
from benchmark.probes.text_backdoor.sentences import passages, words_by_kind
from benchmark.probes.text_backdoor.settings import SHOWN, TextBackdoorSettings
from benchmark.probes.text_backdoor.specs import SCORES
from benchmark.results import Outcome, ProbeResult, Score
from benchmark.statistics import exact
from benchmark.subject import Subject
from benchmark.threats import BackdoorThreat
from benchmark.work import PassMix, Work
from models_zoo.inputs import PADDING

SHARE_OF_STEPS = 0.95
"""Usual share of the steps that are taken: an ascent ends when its backdoor is perfect."""

LENGTHS = (0.05, 0.5, 0.95)
"""Quantiles of the lengths of texts that the protocol states."""


class TextBackdoorProbe(Probe[TextBackdoorSettings]):
    """The injection of the backdoor probe with tokens as triggers, beside controls."""

    name = "text-backdoor"
    title = "Backdoor injection, texts"
    question = (
        "How small a weight perturbation injects a backdoor that inserted words trigger, and how "
        "much of it is due to their own embeddings?"
    )
    takes = frozenset({"tokens"})
    pass_cost = 1.15
    mix = PassMix(weights=0.82)
    perturbs = frozenset({"images", "weights"})
    offers_threats = True
    profile = ProfileShare("success", "backdoor resisted", complement=True)
    leading_pictures = ("text_backdoor", "text_backdoor_triggers")
    scores = SCORES

    def applies(self, subject: Subject) -> str | None:
        """Requires texts of other classes, triggers that fit, and an embedding of all words."""
        settings = self.settings

        def check() -> None:
            Balls(subject, settings)
            for rule in settings.rules:
                subject.weights_that_move(settings.threat(settings.headline, rule).weights.rule)
            backdoors = backdoors_of(settings, subject)
            asked = [each.backdoor for each in backdoors]
            require_injectable(split(subject), asked, classes_of(subject))
            for each in backdoors:
                for trigger in (each.pair.trigger, each.pair.other):
                    trigger.repeated(max(settings.repeats, default=1)).stamp(subject.images[:1])

        return refusal(check)

    @property
    def weight_rule(self) -> str:
        """The rule of the headline."""
        return SHOWN[0]

    @property
    def headline_threats(self) -> list[BackdoorThreat]:
        """The weight balls of the headline radius, with the embedding and without it."""
        return [self.settings.threat(self.settings.headline, rule) for rule in SHOWN]

    def expected_work(self, subject: Subject) -> Work:
        """Forward and backward, clean and stamped, in every step of every ascent."""
        settings = self.settings
        backdoors = len(settings.triggers) * len(settings.targets) * len(settings.seeds)
        halved = len(settings.budgets) - 1 + settings.bisections
        ascents = len(settings.rules) * (backdoors + halved / 2)
        searched = int(SEARCH_SHARE * len(subject))
        batch = searched / max(math.ceil(searched / settings.effort.batch_size), 1)
        trials = N_TRIALS * SELECTION_SHARE * len(subject) * 2
        passes = SHARE_OF_STEPS * ascents * (settings.steps * 4 * batch + trials)
        passes += backdoors * settings.steps * 2 * min(POISONING_BATCH, searched)
        measured = len(settings.rules) * (len(settings.budgets) + settings.bisections + 2)
        passes += 2 * (measured * (1 - SEARCH_SHARE - SELECTION_SHARE) + 1) * len(subject)
        return Work.in_batches(passes, 2 * batch)

    def ask(self, subject: Subject) -> ProbeResult:
        """Inject every backdoor under every rule, and the best one of each at every budget."""
        settings = self.settings
        splits, balls = split(subject), Balls(subject, settings)
        backdoors = backdoors_of(settings, subject)
        searches = []
        for rule in settings.rules:
            searches.append(search_rule(rule, splits, backdoors, balls, settings))
            subject.progress(f"{rule}: {searches[-1].headline.rate:.1%} success")
        by_rule = {search.rule: search for search in searches}
        baselines = {
            "embedding poisoning": [
                poisoning(splits, each, balls, settings.steps) for each in backdoors
            ],
            "embedding surgery": [surgery(splits, each, balls) for each in backdoors],
            RANDOM: random_signs(splits, backdoors, balls, settings),
        }
        first, without = (by_rule[rule] for rule in SHOWN)
        threat = settings.threat(settings.headline)
        scores = {
            **_scores(first),
            "mean_success": mean_success(first.found),
            **{f"no_embedding_{name}": _scores(without)[name] for name in _BESIDE},
        }
        return ProbeResult(
            probe=self.name,
            scores={name: scores[name] for name in SCORES},
            share_of={"clean_accuracy": HELD_OUT},
            curves=rule_curves(searches, settings),
            bars=[
                *trigger_bars(searches, baselines, threat),
                *rule_bars(searches, threat),
                *repeat_bars((first, without), splits.measured, settings),
            ],
            passages=passages(backdoors),
            protocol={
                "ball": settings.geometry,
                "tensors": list(settings.rules),
                "headline budget": float(settings.headline),
                "backdoors per rule": len(backdoors),
                "best backdoor": {search.rule: search.best.name for search in searches},
                "triggers": dict(words_by_kind(backdoors)),
                "place of the trigger": backdoors[0].trigger.place,
                "other triggers": {
                    each.kind: " ".join(each.pair.other.words) for each in backdoors
                },
                **_baseline_protocol(baselines),
                **splits.sizes,
                **_lengths(splits.measured),
                "steps": settings.steps,
                "weights of triggered texts": list(settings.betas),
                "counts as working": str(settings.goal),
                "dropout": "off",
            },
        ).with_outcomes(
            {
                HELD_OUT: Outcome(as_outcomes(first.headline.robust), "control", threat),
                TRIGGERED: Outcome(
                    as_outcomes(
                        right_with_and_without(subject, first.best.trigger, first.headline.weights)
                    ),
                    "budget",
                    threat,
                ),
            }
        )


_BESIDE = ("success", "gain", "clean_drop", "smallest_budget", "smallest_change")
"""Scores of the rule without the embedding."""


def _scores(search: RuleSearch) -> dict[str, Score]:
    """The scores of the best backdoor of a rule."""
    headline = search.headline
    return {
        **scores_beside(headline, search.other),
        "smallest_budget": exact(search.by_budget.smallest(), len(headline.robust)),
        "smallest_change": exact(search.by_budget.smallest_change(), len(headline.robust)),
    }


def _baseline_protocol(
    baselines: dict[str, list[Compared]],
) -> dict[str, dict[str, float] | float]:
    """Clean drops of the baselines, and how far they move the rows, by kind of trigger."""
    stated: dict[str, dict[str, float] | float] = {}
    for name, found in baselines.items():
        groups: dict[str, list[Compared]] = {}
        for each in found:
            groups.setdefault(each.asked.kind, []).append(each)
        if name == RANDOM:
            stated[f"clean drop, {name}"] = found[0].drop
            continue
        stated[f"clean drop, {name}"] = {
            kind: sum(each.drop for each in group) / len(group) for kind, group in groups.items()
        }
        stated[f"relative move of the rows, {name}"] = {
            kind: sum(each.move for each in group) / len(group) for kind, group in groups.items()
        }
    return stated


def _lengths(subject: Subject) -> dict[str, str]:
    sizes = (subject.images != PADDING).sum(1).double().cpu()
    low, middle, high = torch.quantile(sizes, torch.tensor(LENGTHS, dtype=torch.float64)).tolist()
    return {"tokens per text (median, 5% to 95%)": f"{middle:.0f}, {low:.0f} to {high:.0f}"}
