"""The probe of sparse backdoors in models of texts."""

from __future__ import annotations

from benchmark.attacks.backdoor import require_injectable, split
from benchmark.attacks.backdoor.splits import SEARCH_SHARE, SELECTION_SHARE
from benchmark.attacks.sparse.any_layer import CONFIRMED
from benchmark.attacks.sparse.attack import RULE
from benchmark.attacks.sparse.evaluation import SCREENED
from benchmark.attacks.sparse.injection import FIRST_LOOK
from benchmark.probes.backdoor_sparse.settings import headline_storage
from benchmark.probes.probe import Probe, classes_of, refusal
from benchmark.probes.text_backdoor.backdoors import backdoors_of
from benchmark.probes.text_backdoor.sentences import passages, words_by_kind
from benchmark.probes.text_backdoor_sparse.outcomes import outcomes_of, scores_of, share_of
from benchmark.probes.text_backdoor_sparse.pictures import (
    ONE_CHANGE,
    count_curves,
    one_change_bars,
)
from benchmark.probes.text_backdoor_sparse.searches import Candidates, RuleResult, search_storage
from benchmark.probes.text_backdoor_sparse.settings import (
    RULES,
    Rule,
    TextSparseBackdoorSettings,
)
from benchmark.probes.text_backdoor_sparse.specs import specs
from benchmark.results import Outcome, ProbeResult, Score
from benchmark.subject import Subject
from benchmark.threats import SparseBackdoorThreat
from benchmark.work import PassMix, Work
from models_zoo.display import label

STEPS_TAKEN = 0.75
"""Usual share of the steps of a search that are taken, for estimates of the time left: a search
ends when its backdoor is perfect."""


class TextSparseBackdoorProbe(Probe[TextSparseBackdoorSettings]):
    """Greedy search of few changed weights or bits with tokens as triggers, beside controls."""

    name = "text-backdoor-sparse"
    title = "Sparse backdoors, texts"
    question = (
        "How few changed weights or bits inject a backdoor that inserted words trigger, and are "
        "they in the rows of these words alone?"
    )
    takes = frozenset({"tokens"})
    perturbs = frozenset({"images", "weights"})
    offers_threats = True
    leading_pictures = (ONE_CHANGE, "text_sparse_backdoor_float32_bits")
    mix = PassMix(weights=0.14)
    scores = specs()

    def applies(self, subject: Subject) -> str | None:
        """Requires texts of other classes, triggers that fit, and float32 rows of all words."""
        settings = self.settings

        def check() -> None:
            Candidates(subject, settings)
            backdoors = backdoors_of(settings, subject)
            asked = [each.backdoor for each in backdoors]
            require_injectable(split(subject), asked, classes_of(subject))
            for each in backdoors:
                each.pair.other.stamp(subject.images[:1])

        return refusal(check)

    @property
    def weight_rule(self) -> str:
        """The rule of the tensors whose weights are changed."""
        return RULE

    @property
    def headline_threats(self) -> list[SparseBackdoorThreat]:
        """The fewest changes, of the first storage, with the embedding and without it."""
        settings = self.settings
        first = headline_storage(settings.storages)
        rules: tuple[Rule, ...] = ("all", "no-embedding")
        return [settings.threat(first, rule, settings.counts[0]) for rule in rules]

    def expected_work(self, subject: Subject) -> Work:
        """First looks at every backdoor, and the steps of a search for each rule and storage."""
        settings = self.settings
        searched = min(int(SEARCH_SHARE * len(subject)), settings.examples)
        selected = min(max(int(SELECTION_SHARE * len(subject)), 1), settings.examples)
        backdoors = len(settings.triggers) * len(settings.targets) * len(settings.seeds)
        both = 1 + 1 - 1 / classes_of(subject)  # clean, and stamped if of another class
        each = both * (searched + selected)
        few = 2 * SCREENED

        def steps(count: float, shortlist: int, forward: int) -> float:
            """Some steps that look at any layer; ``forward`` passes of all texts beside."""
            gradient = 2 * both * searched
            return count * (gradient + few * (1 + shortlist) + (CONFIRMED + forward) * each)

        looks = backdoors * (4 * each + steps(FIRST_LOOK, settings.first_look, 1))
        rows = STEPS_TAKEN * steps(settings.counts[-1], settings.shortlist, 1)
        taken = min(settings.deep_steps, settings.counts[-1])
        deep = 2 * steps(STEPS_TAKEN * taken, settings.shortlist, 1)
        passes = len(settings.storages) * (looks + rows + deep)
        return Work.in_batches(passes, few)

    def ask(self, subject: Subject) -> ProbeResult:
        """Search every storage under every rule, and measure the best by number of changes."""
        settings = self.settings
        splits, candidates = split(subject), Candidates(subject, settings)
        backdoors = backdoors_of(settings, subject)
        results = [
            result
            for name in settings.storages
            for result in search_storage(name, splits, backdoors, candidates, settings)
        ]
        scores: dict[str, Score] = {}
        stated: dict[str, str] = {}
        outcomes: dict[str, Outcome] = {}
        for result in results:
            scores |= scores_of(result)
            stated |= share_of(result)
            outcomes |= outcomes_of(subject, result, settings)
        return ProbeResult(
            probe=self.name,
            scores={name: scores[name] for name in self.scores if name in scores},
            share_of={score: name for score, name in stated.items() if score in scores},
            curves=count_curves(results, settings),
            bars=one_change_bars(results),
            passages=passages(backdoors),
            protocol={
                "tensors": RULE,
                "rules": list(RULES),
                "counts as working": str(settings.goal),
                "optimized on": min(len(splits.search), settings.examples),
                "selected on": min(len(splits.selection), settings.examples),
                "measured on": len(splits.measured),
                "backdoors": len(backdoors),
                "triggers": dict(words_by_kind(backdoors)),
                "place of the trigger": backdoors[0].trigger.place,
                "other triggers": {
                    each.kind: " ".join(each.pair.other.words) for each in backdoors
                },
                "best backdoor with one change": {
                    result.name: result.asked[1].name for result in results
                },
                "first change": {
                    result.name: self._first_change(result, candidates) for result in results
                },
                "dropout": "off",
            },
        ).with_outcomes(outcomes)

    def _first_change(self, result: RuleResult, candidates: Candidates) -> str:
        """The first change in words; of the embedding, whose row it is."""
        changes = result.by_count.one.changes
        if not changes:
            return "none is better than the trigger alone"
        change = changes[0]
        entry = str(change.entry)
        if change.name == candidates.table:
            row, column = divmod(change.entry, candidates.weights[change.name].shape[1])
            entry = f"{label(self.settings.frequencies.words[row])}, {column}"
        return f"{change.name}[{entry}] = {change.value:.6g}"
