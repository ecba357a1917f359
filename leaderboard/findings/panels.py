"""Stored results as findings use them: one panel of checkpoints per data set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.headline import headline_probes
from benchmark.results import Outcomes, Score
from leaderboard.store import Entry
from models_zoo.card import Card

STANDARD = ("standard",)
ADVERSARIAL = ("pgd-at", "trades", "mart")
"""Recipes that train on adversarial inputs only."""

PERTURBED = {"at-awp": "pgd-at", "trades-awp": "trades"}
"""Recipes with adversarial weight perturbation, and the same recipes without."""

JOINT = ("nonsingular",)

TRACKS = ("concepts", "detection", "anomaly")
"""Probes whose questions are not about accuracy under attack. Checkpoints that were scored with a
battery for one of them are on a panel of their own."""


@dataclass(frozen=True)
class Checkpoint:
    """A model on a panel.

    Attributes:
        name: the model's name without its data set; unique on its panel.
        entry: its results on test images.
        training: its results on images it was trained on, where they were measured.
    """

    name: str
    entry: Entry
    training: Entry | None = None

    @property
    def recipe(self) -> str:
        """Name of the recipe it was trained with."""
        return self.entry.card.recipe

    @property
    def early(self) -> bool:
        """Whether the weights are those of an epoch before the last."""
        training = self.entry.card.training
        return training is not None and training.epoch is not None

    def score(self, probe: str, name: str, *, training: bool = False) -> Score | None:
        """A score on test or on training images; ``None`` where it is missing or undefined."""
        entry = self.training if training else self.entry
        if entry is None or probe not in entry.answers:
            return None
        score = entry.answers[probe].scores.get(name)
        return None if score is None or math.isnan(score.value) else score

    def outcomes(self, probe: str, name: str = "headline") -> Outcomes | None:
        """Whether each test example was classified correctly; ``None`` if not stored."""
        result = self.entry.results.get(probe)
        return result.outcomes.get(name) if result else None


@dataclass(frozen=True)
class Panel:
    """All checkpoints of a data set that were scored in the same way.

    Attributes:
        dataset: the data set.
        checkpoints: at least one, by name.
        track: one of :data:`TRACKS`; empty for batteries of attacks.
    """

    dataset: str
    checkpoints: tuple[Checkpoint, ...]
    track: str = ""

    @property
    def entry(self) -> Entry:
        """Any of its entries: battery, test images and seed are the same in all."""
        return self.checkpoints[0].entry

    @property
    def battery(self) -> str:
        """Name of the battery."""
        return self.entry.provenance.battery

    def trained_by(self, *recipes: str) -> list[Checkpoint]:
        """The checkpoints of these recipes after their last epoch."""
        return [c for c in self.checkpoints if c.recipe in recipes and not c.early]

    def pairs(
        self, first: Sequence[str], second: Sequence[str]
    ) -> list[tuple[Checkpoint, Checkpoint]]:
        """Every pair of comparable checkpoints of the first and the second recipes.

        Checkpoints are comparable if they have the same architecture and training images.
        """
        return [
            (one, other)
            for one in self.trained_by(*first)
            for other in self.trained_by(*second)
            if _alike(one.entry.card, other.entry.card)
        ]


def _alike(one: Card, other: Card) -> bool:
    data = [card.training and card.training.data for card in (one, other)]
    return one.architecture == other.architecture and data[0] == data[1]


def make_panels(entries: Sequence[Entry]) -> list[Panel]:
    """One panel per data set and track: the largest group that was scored in the same way.

    Results are scored alike if they share battery hash, test images and seed. The size of a group
    is the number of checkpoints with all probes of the headline, then of all; of two groups of the
    same size, the newer one is taken.

    Args:
        entries: all stored results.
    """
    groups: dict[tuple[str, str, str, str, int], list[Entry]] = {}
    for entry in entries:
        where = entry.provenance
        if not entry.on_training_data:
            dataset = str(entry.battery.get("dataset", entry.card.dataset))
            key = (track_of(entry), dataset, where.battery_sha256, where.data_sha256, where.seed)
            groups.setdefault(key, []).append(entry)
    chosen: dict[tuple[str, str], list[Entry]] = {}
    for (track, dataset, *_), group in sorted(groups.items(), key=lambda item: _weight(item[1])):
        chosen[track, dataset] = group
    return [
        _panel(dataset, group, entries, track) for (track, dataset), group in sorted(chosen.items())
    ]


def track_of(entry: Entry) -> str:
    """The track that an entry's battery is for, which has not the probes of the headline."""
    probes = entry.battery.get("probes", {})
    if set(headline_probes()) <= set(probes):
        return ""
    return next((track for track in TRACKS if track in probes), "")


def _weight(group: list[Entry]) -> tuple[int, int, str]:
    whole = sum(entry.results.keys() >= set(headline_probes()) for entry in group)
    return whole, len(group), max(entry.provenance.created for entry in group)


def _panel(dataset: str, group: list[Entry], entries: Sequence[Entry], track: str) -> Panel:
    names = [entry.card.name for entry in group]
    checkpoints = []
    for name, entry in zip(names, group, strict=True):
        short = name.removeprefix(f"{dataset}/")
        if names.count(name) > 1:
            short += f" {entry.provenance.fingerprint[:8]}"
        checkpoints.append(Checkpoint(short, entry, _training(entry, entries)))
    return Panel(dataset, tuple(sorted(checkpoints, key=lambda checkpoint: checkpoint.name)), track)


def _training(entry: Entry, entries: Sequence[Entry]) -> Entry | None:
    """The same model's results on training images, from the same battery and seed; the largest."""
    here = entry.provenance
    found = [
        other
        for other in entries
        if other.on_training_data
        and other.provenance.fingerprint == here.fingerprint
        and other.provenance.battery_sha256 == here.battery_sha256
        and other.provenance.seed == here.seed
    ]
    return max(found, key=lambda other: other.provenance.examples, default=None)
