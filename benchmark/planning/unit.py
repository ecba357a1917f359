"""A unit: the smallest piece of work that is planned and run as a whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from benchmark.results import Provenance
from benchmark.shards import Shard

IDENTITY_DIGITS = 20
"""Hexadecimal digits of an identity, 80 bits: among a billion units, the probability that two share
one is below one in a million."""


@dataclass(frozen=True)
class Unit:
    """One probe on one model, with a battery, examples and a seed, or a shard of such a unit.

    Two units are equal if their keys are; what a plan shows besides is not compared.

    Attributes:
        fingerprint: of the model, see :func:`models_zoo.fingerprint`.
        battery_sha256: hash of the battery's content.
        data_sha256: hash of images and labels.
        seed: root of every random draw.
        probe: name of the probe.
        model: name of the model, for people.
        seconds: what it is expected to take, see :func:`benchmark.planning.estimate`; ``None``
            where it was not estimated.
        shard: the part of the examples; ``None`` for all of them.
    """

    fingerprint: str
    battery_sha256: str
    data_sha256: str
    seed: int
    probe: str
    model: str = field(default="", compare=False)
    seconds: float | None = field(default=None, compare=False)
    shard: Shard | None = None

    @property
    def key(self) -> tuple[str, str, str, int, str]:
        """The fields under which its result is stored, in the order of that constraint."""
        return self.fingerprint, self.battery_sha256, self.data_sha256, self.seed, self.probe

    @property
    def identity(self) -> str:
        """The key as :data:`IDENTITY_DIGITS` hexadecimal digits, and the shard, if it is one.

        The beginning of the SHA-256 of the key as a JSON list without spaces, so that it is the
        same in every process, on every machine and in every version. That of a shard goes on with
        its number and how many there are, such as ``.2/8``.
        """
        if self.shard is None:
            return self.whole
        return f"{self.whole}.{self.shard.index + 1}/{self.shard.count}"

    @property
    def whole(self) -> str:
        """The identity of the unit that it is a shard of; its own if it is none."""
        text = json.dumps(self.key, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()[:IDENTITY_DIGITS]

    def shards(self, count: int) -> list[Unit]:
        """The unit in shards, each with its share of the expected time; one is the unit itself."""
        if count == 1:
            return [self]
        seconds = None if self.seconds is None else self.seconds / count
        return [
            replace(self, seconds=seconds, shard=Shard(index=index, count=count))
            for index in range(count)
        ]


def units_of(provenance: Provenance, probes: Iterable[str], model: str = "") -> list[Unit]:
    """The units of an evaluation, in the order of its probes.

    Args:
        provenance: of the evaluation, see :func:`benchmark.provenance.provenance_of`.
        probes: names of the probes.
        model: name of the model.
    """
    return [
        Unit(
            provenance.fingerprint,
            provenance.battery_sha256,
            provenance.data_sha256,
            provenance.seed,
            probe,
            model,
        )
        for probe in probes
    ]
