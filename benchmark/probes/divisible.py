"""Probes that ask about some of the examples at a time, and join what they found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel

from benchmark.probes.probe import Probe
from benchmark.results import ProbeResult
from benchmark.shards import Shard, ShardResult, in_order, joined_cost
from benchmark.subject import Subject

F = TypeVar("F", bound=BaseModel)
"""What such a probe finds."""


class Divisible(ABC, Generic[F]):
    """A probe whose examples may be evaluated in shards, by several workers.

    Its :meth:`Probe.ask` joins what was found on all examples at once, so that both ways run the
    same code. That is possible where the outcomes of an example do not depend on which others are
    evaluated with it (:attr:`benchmark.probes.Probe.example_wise`).

    Attributes:
        Found: the type of what it finds.
    """

    Found: ClassVar[type[BaseModel]]

    @abstractmethod
    def ask_some(self, subject: Subject) -> F:
        """Evaluate a subject with some of the examples.

        Args:
            subject: model and examples, in their order.
        """

    @abstractmethod
    def join(self, found: Sequence[F]) -> ProbeResult:
        """The result from what was found on consecutive parts of the examples.

        Args:
            found: in the order of the examples.
        """


def ask_shard(probe: Probe[Any], subject: Subject, shard: Shard) -> ShardResult:
    """Evaluate a shard of the examples.

    Args:
        probe: a :class:`Divisible` one.
        subject: model and the examples of the shard.
        shard: the shard.
    """
    subject.seed_generators(probe.name)
    with subject.cost() as spent:
        found = _divisible(probe).ask_some(subject)
    return ShardResult(
        probe=probe.name,
        shard=shard,
        examples=len(subject),
        found=found.model_dump(mode="json"),
        cost=spent(),
    )


def join_shards(probe: Probe[Any], results: Sequence[ShardResult]) -> ProbeResult:
    """The result of a probe from those of all shards, in any order.

    Args:
        probe: as in :func:`ask_shard`.
        results: one per shard.

    Raises:
        ValueError: they are not those of all shards, or not of this version.
    """
    ordered, divisible = in_order(results), _divisible(probe)
    found = [divisible.Found.model_validate(each.found) for each in ordered]
    examples = sum(each.examples for each in ordered)
    return probe.completed(divisible.join(found), examples, joined_cost(ordered))


def require_joinable(probe: type[Probe[Any]], result: ShardResult) -> None:
    """Check that what was found on a shard has the form that :func:`join_shards` needs.

    Args:
        probe: a :class:`Divisible` one.
        result: from elsewhere.

    Raises:
        ValueError: it has not.
        TypeError: the probe has no shards.
    """
    if not issubclass(probe, Divisible):
        raise TypeError(f"{probe.__name__} cannot be divided into shards")
    probe.Found.model_validate(result.found)


def _divisible(probe: object) -> Divisible[Any]:
    if not isinstance(probe, Divisible):
        raise TypeError(f"{type(probe).__name__} cannot be divided into shards")
    return probe
