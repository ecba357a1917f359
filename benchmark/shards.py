"""Shards: parts of the examples that are evaluated apart, and what a probe found on each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, model_validator

from benchmark.results import Cost, Flag


class Shard(BaseModel):
    """One of several parts of the examples: a range, since joined results keep their order.

    Attributes:
        index: its number, from 0.
        count: the number of parts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    index: int
    count: int

    @model_validator(mode="after")
    def _is_one_of_several(self) -> Self:
        if not 0 <= self.index < self.count:
            raise ValueError(f"shard {self.index} of {self.count} does not exist")
        return self

    def __str__(self) -> str:
        """For people, who count from 1."""
        return f"shard {self.index + 1} of {self.count}"

    def rows(self, examples: int) -> range:
        """Its examples, by index.

        Args:
            examples: number of all examples, at least as many as there are shards.
        """
        return range(self.index * examples // self.count, (self.index + 1) * examples // self.count)


class ShardResult(BaseModel):
    """What a probe found on a shard; see :class:`benchmark.probes.divisible.Divisible`.

    Attributes:
        probe: the probe's name.
        shard: the shard.
        examples: number of its examples.
        found: what the probe found, as JSON data.
        flags: flags of checks that were made with it, besides those of the probe.
        cost: time, passes and memory.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    probe: str
    shard: Shard
    examples: int
    found: dict[str, JsonValue]
    flags: list[Flag] = []
    cost: Cost = Cost()


def in_order(results: Sequence[ShardResult]) -> list[ShardResult]:
    """The results of all shards, by their index.

    Raises:
        ValueError: one is missing or there twice, or they are of several divisions or probes.
    """
    ordered = sorted(results, key=lambda each: each.shard.index)
    (count,) = {each.shard.count for each in ordered}
    if [each.shard.index for each in ordered] != list(range(count)):
        raise ValueError(f"these are not {count} shards: {[str(each.shard) for each in ordered]}")
    if len({each.probe for each in ordered}) > 1:
        raise ValueError("shards of several probes cannot be joined")
    return ordered


def joined_cost(results: Sequence[ShardResult]) -> Cost:
    """The sum of the costs of shards, with the largest peak memory."""
    costs = [each.cost for each in results]
    return Cost(
        seconds=sum(each.seconds for each in costs),
        forwards=sum(each.forwards for each in costs),
        backwards=sum(each.backwards for each in costs),
        peak_memory=max(each.peak_memory for each in costs),
    )
