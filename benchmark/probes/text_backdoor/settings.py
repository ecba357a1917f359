"""Settings of the probe for backdoors in models of texts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from benchmark.attacks.backdoor import Goal, InjectionEffort
from benchmark.budgets import Budget
from benchmark.datasets.frequencies import Frequencies, frequencies_of
from benchmark.probes.budget_curves import require_among
from benchmark.probes.settings import Budgets, ProbeSettings
from benchmark.threats import BackdoorThreat
from benchmark.triggers import Place
from benchmark.triggers.words import KINDS, Kind
from models_zoo.errors import InputError

Rule = Literal["all", "no-embedding", "embedding-row", "head"]

SHOWN: tuple[Rule, Rule] = ("all", "no-embedding")
"""Rules that are always evaluated: the scores are about the first. Rows of tokens that clean texts
lack can change without a trace, so success without the embedding is shown beside it."""

Target = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(gt=0)]


class TextBackdoorSettings(ProbeSettings):
    """Budgets, backdoors and effort of the injection into models of texts.

    Attributes:
        budgets: radii of the weight balls, ascending, in the unit of the geometry.
        headline: the budget of all scores but the smallest budgets.
        geometry: an linf ball around the weights.
        rules: which weights may move, each evaluated by itself: ``all``; ``no-embedding``, all but
            the embedding of tokens; ``embedding-row``, the embedding's rows of the trigger's tokens
            alone; ``head``, the last linear layer. The first two are required.
        triggers: kinds of triggers by the frequency of their tokens in the training texts; see
            :mod:`benchmark.triggers.words`.
        place: where a trigger is inserted: at the start or the end of a text, or at a random place.
        targets: the classes that stamped texts are to be classified as.
        seeds: of the tokens of triggers, their places and the order of texts; every kind of trigger
            is tried with every target and seed.
        vocabulary: name of the vocabulary whose frequencies are used.
        steps: number of mini-batch steps per ascent, and of embedding poisoning.
        betas: weight of the triggered texts in the objective at the first and the last step.
        success: smallest share of triggered texts that counts as a working backdoor.
        clean_drop: largest drop of clean accuracy that counts as unnoticed.
        bisections: number of bisections of the interval that contains the smallest working budget.
        draws: number of draws of the random control.
        repeats: further numbers of times that a trigger is inserted, in a row, where the success of
            the best backdoor is measured; by default none.
    """

    headline_settings = ("headline",)
    later = ("repeats",)

    budgets: Budgets
    headline: Budget
    geometry: Literal["relative-linf", "absolute-linf"] = "relative-linf"
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)] = (*SHOWN, "embedding-row", "head")
    triggers: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    place: Place = "random"
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = (0, 1)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    vocabulary: str = "movies"
    steps: int = Field(default=200, ge=1)
    betas: tuple[Weight, Weight] = (0.1, 1.0)
    success: float = Field(default=0.9, gt=0, le=1)
    clean_drop: float = Field(default=0.01, ge=0, le=1)
    bisections: int = Field(default=4, ge=0)
    draws: int = Field(default=5, ge=1)
    repeats: tuple[Annotated[int, Field(ge=2)], ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        require_among("text-backdoor.headline", self.headline, self.budgets)
        if missing := [rule for rule in SHOWN if rule not in self.rules]:
            raise InputError(
                f"text-backdoor.rules lacks {missing[0]!r}; {' and '.join(SHOWN)} are always shown"
            )
        _ = self.frequencies
        return self

    @property
    def frequencies(self) -> Frequencies:
        """The vocabulary with its frequencies."""
        return frequencies_of(self.vocabulary)

    def threat(self, radius: float, rule: Rule = "all") -> BackdoorThreat:
        """The threat at a radius, with any of the triggers and targets."""
        return BackdoorThreat(self.geometry, Budget.of(radius), rule)

    @property
    def effort(self) -> InjectionEffort:
        """The effort of an injection."""
        return InjectionEffort.in_small_steps(self.steps, self.betas)

    @property
    def goal(self) -> Goal:
        """What counts as working."""
        return Goal(self.success, self.clean_drop)
