"""What a worker is given: a unit or a shard of one, and everything that it needs to run it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from benchmark.planning import Unit
from benchmark.results import Cost
from benchmark.shards import Shard
from leaderboard.jobs.sources import DataSource, ModelSource


class Assignment(BaseModel):
    """One probe on one model, or a shard of it, with everything that a process needs to run it.

    Attributes:
        fingerprint: of the model; with the hashes, the seed and the probe it is the key of the
            result.
        name: of the model.
        probe: name of the probe.
        model: what loads the model; ``None`` if only the process that planned it has it.
        data: what loads the examples; ``None`` likewise.
        battery: name or file of the battery; ``None`` likewise.
        folder: the working directory that files are relative to.
        device: where to compute.
        batch_size: images passed through the model at once; ``None`` for what memory allows.
        own_data: whether the examples may be unlike those of the battery's data set.
        split: of the examples, for the provenance.
        unknown_data: whether the examples are not those of the data set, for the provenance.
        fresh: whether to compute the result again if it is stored.
        submitted: whether the model came in through ``nonsingular submit``.
        checks_accuracy: whether the checks of the accuracy are made with this unit, see
            :mod:`leaderboard.submissions.accuracy_check`.
        sandboxed: whether the model is not trusted: a worker that does not have it in memory
            computes the unit in the sandbox, see :mod:`leaderboard.jobs.isolated`.
        private: whether no image of the examples may be stored with the result.
        cost: what it is expected to cost.
        shard: the part of the examples that it is about; ``None`` for all of them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: str
    battery_sha256: str
    data_sha256: str
    seed: int
    probe: str
    name: str
    model: ModelSource | None = None
    data: DataSource | None = None
    battery: str | None = None
    folder: Path
    device: str = "cpu"
    batch_size: int | None = None
    own_data: bool = False
    split: str = "test"
    unknown_data: bool = False
    fresh: bool = False
    submitted: bool = False
    checks_accuracy: bool = False
    sandboxed: bool = False
    private: bool = False
    cost: Cost
    shard: Shard | None = None

    @property
    def loadable(self) -> bool:
        """Whether another process can load everything that the unit needs."""
        return None not in (self.model, self.data, self.battery)

    @property
    def unit(self) -> Unit:
        """The unit, whose identity is that of the result."""
        key = (self.fingerprint, self.battery_sha256, self.data_sha256, self.seed, self.probe)
        return Unit(*key, self.name, self.cost.seconds, self.shard)

    def shards(self, count: int) -> list[Assignment]:
        """The unit in shards; one is the unit itself.

        The accuracy is checked with the first.
        """
        cost = Cost(
            seconds=self.cost.seconds / count,
            forwards=self.cost.forwards // count,
            backwards=self.cost.backwards // count,
        )
        return (
            [
                self.model_copy(
                    update={
                        "shard": unit.shard,
                        "cost": cost,
                        "checks_accuracy": self.checks_accuracy and place == 0,
                    }
                )
                for place, unit in enumerate(self.unit.shards(count))
            ]
            if count > 1
            else [self]
        )
