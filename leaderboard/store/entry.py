"""A stored evaluation of a model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from benchmark.headline import nonsingular
from benchmark.results import ProbeResult, Provenance
from leaderboard.store.counterexamples import StoredCounterexample
from leaderboard.store.reruns import Rerun
from models_zoo.card import Card


@dataclass(frozen=True)
class Entry:
    """One model on one battery, data and seed.

    Results must be complete before they are read: derived results are cached.

    Attributes:
        card: the model's card.
        battery: the battery's content as JSON, as it was when the model was scored.
        submitted: whether the model came in through ``nonsingular submit``.
        results: by probe.
        provenances: by probe; a run may be resumed on another day or machine.
        reruns: by probe, oldest first.
        imported: probes whose results were imported from an archive rather than measured here.
        measured: by probe, the results as they were measured that counterexamples have lowered.
        counterexamples: of the model on these examples, oldest first.
    """

    card: Card
    battery: dict[str, Any]
    submitted: bool
    results: dict[str, ProbeResult] = field(default_factory=dict)
    provenances: dict[str, Provenance] = field(default_factory=dict)
    reruns: dict[str, list[Rerun]] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    measured: dict[str, ProbeResult] = field(default_factory=dict)
    counterexamples: list[StoredCounterexample] = field(default_factory=list)

    @cached_property
    def provenance(self) -> Provenance:
        """The newest provenance."""
        return max(self.provenances.values(), key=lambda provenance: provenance.created)

    def as_measured(self, probe: str) -> ProbeResult:
        """The result of a probe as its own attacks found it, without counterexamples."""
        return self.measured.get(probe, self.results[probe])

    def with_seed(self, seed: int | None) -> Entry:
        """The same entry that says another seed; itself for ``None``."""
        if seed is None:
            return self
        stated = {
            probe: where.model_copy(update={"seed": seed})
            for probe, where in self.provenances.items()
        }
        return replace(self, provenances=stated)

    @property
    def key(self) -> tuple[str, str, str, int]:
        """The key: fingerprint, battery, data and seed."""
        where = self.provenance
        return where.fingerprint, where.battery_sha256, where.data_sha256, where.seed

    @property
    def on_training_data(self) -> bool:
        """Whether the examples are some that models may have been trained on."""
        return self.provenance.split == "train"

    @property
    def on_own_data(self) -> bool:
        """Whether the examples are other images than the first ones of the battery's data set."""
        return bool(self.provenance.own_data)

    @cached_property
    def answers(self) -> dict[str, ProbeResult]:
        """Results by probe, with the derived ``nonsingular`` if its parts were run."""
        headline = nonsingular(self.results)
        return ({"nonsingular": headline} if headline else {}) | self.results
