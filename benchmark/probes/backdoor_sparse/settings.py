"""Settings of the probe of sparse backdoors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, model_validator

from benchmark.attacks.backdoor import Goal, Patch
from benchmark.attacks.sparse import NoiseSearch, PixelSearch, SparseEffort, TriggerSearch
from benchmark.budgets import Budget
from benchmark.probes.backdoor.settings import AnyTrigger, Target
from benchmark.probes.settings import ProbeSettings
from models_zoo.errors import InputError

StorageName = Literal["weights", "weights-unbounded", "float32-bits", "int8-bits"]
Optimized = Literal["pixels", "noise"]

FIXED = "fixed"
"""The family of the fixed triggers."""


def headline_storage(storages: Sequence[StorageName]) -> StorageName:
    """The storage that headline threats are about: bits of float32, or else the first one."""
    return "float32-bits" if "float32-bits" in storages else storages[0]


class SparseBackdoorSettings(ProbeSettings):
    """Numbers of changes, storages, triggers and effort.

    Attributes:
        counts: numbers of changed weights or bits, ascending; 0, the trigger alone, is always
            measured.
        storages: what a change is: ``weights`` (any value within the largest of the tensor),
            ``weights-unbounded`` (any finite value), ``float32-bits`` or ``int8-bits``.
        triggers: fixed triggers, as in the probe backdoor; may be empty.
        optimized: kinds of optimized triggers: ``pixels`` (any colors in a share of the pixels) and
            ``noise`` (added, within an linf ball); may be empty.
        area: largest share of the pixels that an optimized trigger may set.
        noise: radius of optimized noise.
        targets: the classes that stamped images are to be classified as.
        success: smallest share of triggered images that counts as a working backdoor.
        clean_drop: largest drop of clean accuracy that counts as unnoticed.
        trigger_steps: steps of Adam for an optimized trigger.
        starts: number of single changes for which a trigger is optimized, beside the one that is
            optimized for the untouched weights.
        rounds: number of times that the trigger is optimized again for the changes that were found.
        examples: maximum number of images of each of the splits to optimize and to select on.
        shortlist: number of changes in earlier layers that a step evaluates by forward passes; 0
            for the last layer alone.
        deep_steps: number of steps, the first ones, that consider earlier layers.
    """

    headline_settings = ("counts", "area", "noise")

    counts: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 2, 4, 8, 16)
    storages: Annotated[tuple[StorageName, ...], Field(min_length=1)] = get_args(StorageName)
    triggers: tuple[AnyTrigger, ...] = (Patch(),)
    optimized: tuple[Optimized, ...] = get_args(Optimized)
    area: float = Field(default=0.05, gt=0, le=0.05)
    noise: Budget = Budget(8 / 255, "8/255")
    targets: Annotated[tuple[Target, ...], Field(min_length=1)] = (0,)
    success: float = Field(default=0.9, gt=0, le=1)
    clean_drop: float = Field(default=0.01, ge=0, le=1)
    trigger_steps: int = Field(default=60, ge=1)
    starts: int = Field(default=2, ge=0)
    rounds: int = Field(default=1, ge=0)
    examples: int = Field(default=256, ge=1)
    shortlist: int = Field(default=32, ge=0)
    deep_steps: int = Field(default=8, ge=0)

    @model_validator(mode="after")
    def _numbers_fit_together(self) -> Self:
        if list(self.counts) != sorted(set(self.counts)) or self.counts[0] < 1:
            raise InputError(f"backdoor-sparse.counts must ascend from 1, got {self.counts}")
        if not self.triggers and not self.optimized:
            raise InputError("backdoor-sparse needs fixed triggers or kinds of optimized ones")
        if not 0 < self.noise <= 0.5:
            raise InputError(
                f"backdoor-sparse.noise must be above 0 and at most 1/2, got {self.noise.text}"
            )
        for name, given in (("storages", self.storages), ("optimized", self.optimized)):
            if len(set(given)) < len(given):
                raise InputError(f"backdoor-sparse.{name} has an entry twice: {', '.join(given)}")
        return self

    @property
    def families(self) -> tuple[str, ...]:
        """The kinds of triggers: ``fixed`` if there are any, and those that are optimized."""
        return (*((FIXED,) if self.triggers else ()), *self.optimized)

    def search(self, family: str) -> TriggerSearch:
        """The set of triggers of a family that is optimized."""
        return NoiseSearch(self.noise) if family == "noise" else PixelSearch(self.area)

    def described(self, family: str) -> str | None:
        """The triggers of a family in words; ``None`` for the fixed ones."""
        if family == FIXED:
            return None
        if family == "noise":
            return f"optimized noise of +-{self.noise.text}"
        return f"optimized pixels in {self.area:.2g} of the image"

    @property
    def effort(self) -> SparseEffort:
        """The effort of a search."""
        return SparseEffort(
            trigger_steps=self.trigger_steps,
            starts=self.starts,
            rounds=self.rounds,
            examples=self.examples,
            shortlist=self.shortlist,
            deep_steps=self.deep_steps,
        )

    @property
    def goal(self) -> Goal:
        """What counts as working."""
        return Goal(self.success, self.clean_drop)
