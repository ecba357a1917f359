"""The searches of the probe: which weights may change under a rule, and what is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from benchmark.attacks.backdoor import Splits, Trigger
from benchmark.attacks.embeddings import RuleSupport, table_of
from benchmark.attacks.sparse import (
    Found,
    SparseInjection,
    Storage,
    Support,
    storage_of,
    stored_in_float32,
)
from benchmark.attacks.sparse.any_layer import ROW_REACHES
from benchmark.attacks.sparse.attack import RULE
from benchmark.probes.backdoor_sparse.outcomes import FamilyResult
from benchmark.probes.backdoor_sparse.settings import StorageName
from benchmark.probes.text_backdoor.backdoors import Asked
from benchmark.probes.text_backdoor_sparse.settings import (
    RULES,
    Rule,
    TextSparseBackdoorSettings,
)
from benchmark.spaces import Point
from benchmark.subject import Subject
from models_zoo.errors import InputError


class Candidates:
    """The weights of a model that may change, by rule.

    Args:
        subject: the model.
        settings: of the probe.

    Attributes:
        weights: stored in float32, of linear maps and embeddings.
        table: name of the embedding of tokens.

    Raises:
        InputError: the model has no embedding with a row for every word of the vocabulary, or does
            not store it in float32.
    """

    def __init__(self, subject: Subject, settings: TextSparseBackdoorSettings) -> None:
        self.weights: Point = stored_in_float32(subject.weights_that_move(RULE))
        self.table = table_of(subject, len(settings.frequencies))
        if self.table not in self.weights:
            raise InputError(
                f"the embedding {self.table} is not stored in float32; call model.float()"
            )
        self._support = RuleSupport(subject, self.weights, self.table)

    def support(self, rule: Rule, trigger: Trigger) -> Support:
        """Which weights may change; only ``embedding-row`` depends on the trigger."""
        return self._support(RULES[rule], trigger)


@dataclass(frozen=True)
class RuleResult:
    """The backdoors of one storage and one rule.

    Attributes:
        storage: what a change is.
        rule: which weights may change.
        by_count: the best with at most as many changes, 0 first, and what they achieve.
        asked: which backdoor each of them is.
        others: bool (M,) each, the same as their ``success``, stamped with the other trigger.
    """

    storage: StorageName
    rule: Rule
    by_count: FamilyResult
    asked: tuple[Asked, ...]
    others: tuple[Tensor, ...]

    @property
    def name(self) -> str:
        """In words, such as ``float32-bits, no-embedding``."""
        return self.by_count.name

    @property
    def key(self) -> str:
        """In names of outcomes, such as ``float32_bits_no_embedding``."""
        return self.by_count.key


def search_storage(
    name: StorageName,
    splits: Splits,
    backdoors: Sequence[Asked],
    candidates: Candidates,
    settings: TextSparseBackdoorSettings,
) -> list[RuleResult]:
    """Search the backdoors of one storage under every rule.

    What is found without the embedding, and in the trigger's rows, is allowed under ``all`` too: it
    is among what is chosen from there, and its triggers and targets are those that are searched.

    Args:
        name: of the storage.
        splits: of the texts.
        backdoors: at least one.
        candidates: the weights.
        settings: of the probe.

    Returns:
        In the order of the rules.
    """
    storage = storage_of(name, candidates.weights)
    every = [(each.trigger, each.target) for each in backdoors]
    found: dict[Rule, list[Found]] = {}
    injections: dict[Rule, SparseInjection] = {}
    order: tuple[Rule, ...] = ("no-embedding", "embedding-row", "all")
    for rule in order:
        injection = injections[rule] = _injection(rule, splits, storage, candidates, settings)
        if rule != "all":
            found[rule] = injection.with_triggers(every)
            continue
        best = [injection.best(states, settings.counts[-1]) for states in found.values()]
        pairs = dict.fromkeys((each.trigger, each.target) for each in best)
        own = injection.with_triggers(list(pairs))
        found[rule] = [state for states in (*found.values(), own) for state in states]
    return [
        _measured(name, rule, injections[rule], found[rule], backdoors, settings) for rule in RULES
    ]


def _injection(
    rule: Rule,
    splits: Splits,
    storage: Storage,
    candidates: Candidates,
    settings: TextSparseBackdoorSettings,
) -> SparseInjection:
    effort = settings.effort
    if rule == "embedding-row":
        # There is no last layer, by which triggers would be compared; and no value is too large
        # where clean texts do not have the tokens.
        effort = replace(effort, first_look=settings.first_look, reaches=ROW_REACHES)
    return SparseInjection(
        *(splits, storage, settings.counts[-1], settings.goal, effort),
        support=lambda trigger: candidates.support(rule, trigger),
    )


def _measured(
    name: StorageName,
    rule: Rule,
    injection: SparseInjection,
    found: list[Found],
    backdoors: Sequence[Asked],
    settings: TextSparseBackdoorSettings,
) -> RuleResult:
    """Choose and measure the best by number of changes, beside the other trigger."""
    by_count = FamilyResult.of(injection, rule, found, settings.counts)
    known: dict[tuple[Trigger, int], Asked] = {
        (each.trigger, each.target): each for each in backdoors
    }
    measured = injection.splits.measured
    asked, others = [], []
    answers: dict[int, Tensor] = {}
    for outcome in by_count.outcomes:
        asked.append(known[outcome.trigger, outcome.target])
        if id(outcome) not in answers:
            changed = measured.at(outcome.weights)
            answers[id(outcome)] = asked[-1].answers(changed, other=True)
        others.append(answers[id(outcome)])
    return RuleResult(name, rule, by_count, tuple(asked), tuple(others))
