"""Settings of the probe of sparse backdoors in models of texts."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from benchmark.attacks.backdoor import Goal
from benchmark.attacks.sparse import SparseEffort
from benchmark.budgets import Budget
from benchmark.datasets.frequencies import Frequencies, frequencies_of
from benchmark.probes.backdoor_sparse.settings import StorageName
from benchmark.probes.settings import ProbeSettings
from benchmark.probes.text_backdoor.settings import Target
from benchmark.threats import ROW_RULE, SPARSE_RULE, SparseBackdoorThreat
from benchmark.triggers import Place
from benchmark.triggers.words import KINDS, Kind
from models_zoo.errors import InputError

Rule = Literal["all", "no-embedding", "embedding-row"]

RULES: dict[Rule, str] = {
    "all": SPARSE_RULE,
    "no-embedding": "no-embedding",
    "embedding-row": ROW_RULE,
}
"""What a rule is called in threats."""


class TextSparseBackdoorSettings(ProbeSettings):
    """Numbers of changes, storages, triggers and effort.

    Attributes:
        counts: numbers of changed weights or bits, ascending; 0, the trigger alone, is always
            measured.
        storages: what a change is: ``weights`` (any value within the largest of the tensor),
            ``weights-unbounded`` (any finite value), ``float32-bits`` or ``int8-bits``.
        triggers: kinds of triggers by the frequency of their tokens in the training texts; see
            :mod:`benchmark.triggers.words`.
        place: where a trigger is inserted: at the start or the end of a text, or at a random place.
        targets: the classes that stamped texts are to be classified as.
        seeds: of the tokens of triggers and their places; every kind of trigger is tried with every
            target and seed.
        vocabulary: name of the vocabulary whose frequencies are used.
        success: smallest share of triggered texts that counts as a working backdoor.
        clean_drop: largest drop of clean accuracy that counts as unnoticed.
        examples: maximum number of texts of each of the splits to optimize and to select on.
        shortlist: number of changes in other layers than the last one that a step evaluates by
            forward passes; 0 for the last layer alone.
        deep_steps: number of steps, the first ones, that consider other layers.
        first_look: number of changes of the trigger's rows that a step evaluates while triggers and
            targets are compared, before the whole search.
    """

    headline_settings = ("counts",)

    counts: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 2, 4, 8, 16)
    storages: Annotated[tuple[StorageName, ...], Field(min_length=1)] = get_args(StorageName)
    triggers: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    place: Place = "random"
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = (0, 1)
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    vocabulary: str = "movies"
    success: float = Field(default=0.9, gt=0, le=1)
    clean_drop: float = Field(default=0.01, ge=0, le=1)
    examples: int = Field(default=128, ge=1)
    shortlist: int = Field(default=16, ge=1)
    deep_steps: int = Field(default=4, ge=0)
    first_look: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if list(self.counts) != sorted(set(self.counts)) or self.counts[0] < 1:
            raise InputError(f"text-backdoor-sparse.counts must ascend from 1, got {self.counts}")
        if len(set(self.storages)) < len(self.storages):
            raise InputError(
                f"text-backdoor-sparse.storages has an entry twice: {', '.join(self.storages)}"
            )
        _ = self.frequencies
        return self

    @property
    def frequencies(self) -> Frequencies:
        """The vocabulary with its frequencies."""
        return frequencies_of(self.vocabulary)

    def threat(self, storage: StorageName, rule: Rule, count: int) -> SparseBackdoorThreat:
        """The threat of a number of changes, with any of the triggers and targets."""
        return SparseBackdoorThreat(Budget(count), storage, rule=RULES[rule])

    @property
    def effort(self) -> SparseEffort:
        """The effort of a search."""
        return SparseEffort(
            examples=self.examples, shortlist=self.shortlist, deep_steps=self.deep_steps
        )

    @property
    def goal(self) -> Goal:
        """What counts as working."""
        return Goal(self.success, self.clean_drop)
