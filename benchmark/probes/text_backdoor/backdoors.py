"""The backdoors of the probe, and the weight balls of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from torch import Tensor

from benchmark.attacks.backdoor import Backdoor
from benchmark.attacks.backdoor.selection import answers_with
from benchmark.attacks.embeddings import table_of, trigger_ball
from benchmark.datasets.frequencies import Frequencies
from benchmark.probes.text_backdoor.settings import Rule, TextBackdoorSettings
from benchmark.spaces import WeightBall
from benchmark.subject import Subject
from benchmark.triggers import Place, TokenTrigger
from benchmark.triggers.words import Kind, TriggerPair, choose


class Choices(Protocol):
    """The settings of a probe that say which backdoors it injects."""

    @property
    def triggers(self) -> Sequence[Kind]:
        """Kinds of triggers."""

    @property
    def place(self) -> Place:
        """Where they are inserted."""

    @property
    def targets(self) -> Sequence[int]:
        """The classes that stamped texts are to be classified as."""

    @property
    def seeds(self) -> Sequence[int]:
        """Of the tokens of triggers and their places."""

    @property
    def frequencies(self) -> Frequencies:
        """The vocabulary with its frequencies."""


@dataclass(frozen=True)
class Asked:
    """A backdoor that the probe injects.

    Attributes:
        name: of the trigger, seed and target.
        pair: the trigger, and another that the injection does not know.
        target: the class that stamped texts are to be classified as.
        seed: of the order of the texts.
    """

    name: str
    pair: TriggerPair
    target: int
    seed: int

    @property
    def kind(self) -> Kind:
        """How the tokens of the trigger were chosen."""
        return self.pair.kind

    @property
    def trigger(self) -> TokenTrigger:
        """The trigger."""
        return self.pair.trigger

    @property
    def backdoor(self) -> Backdoor:
        """What is injected."""
        return Backdoor(self.pair.trigger, self.target, self.seed)

    def answers(self, subject: Subject, *, other: bool = False, times: int = 1) -> Tensor:
        """Bool (M,): which stamped texts of other classes a subject gives the target class.

        Args:
            subject: the model and the texts.
            other: whether they are stamped with the trigger that the injection does not know.
            times: how often its tokens are inserted.
        """
        trigger = (self.pair.other if other else self.pair.trigger).repeated(times)
        texts = subject.images[subject.labels != self.target]
        return answers_with(subject, trigger.stamp(texts), self.target)


def backdoors_of(settings: Choices, subject: Subject) -> list[Asked]:
    """Every kind of trigger with every seed and target; the same ones for all probes.

    Raises:
        InputError: the vocabulary has too few tokens of a kind.
    """
    found = []
    for kind, seed in product(settings.triggers, settings.seeds):
        generator = subject.generator("text-backdoor", kind, seed)
        pair = choose(kind, settings.frequencies, settings.place, generator)
        for target in settings.targets:
            name = f"{kind} {pair.trigger} -> {target}"
            found.append(Asked(name, pair, target, seed))
    return found


class Balls:
    """The weight balls of the rules around a model's own weights.

    Args:
        subject: the model.
        settings: of the probe.

    Raises:
        InputError: the model has no embedding with a row for every word of the vocabulary.
    """

    def __init__(self, subject: Subject, settings: TextBackdoorSettings) -> None:
        self.subject, self.settings = subject, settings
        self.table = table_of(subject, len(settings.frequencies))
        self.embedding = subject.weights_that_move("embedding")[self.table]

    def __call__(self, rule: Rule, trigger: TokenTrigger, budget: float) -> WeightBall:
        """The ball of a rule; only ``embedding-row`` depends on the trigger."""
        threat = self.settings.threat(budget, rule)
        return trigger_ball(self.subject, threat, trigger, self.table)
