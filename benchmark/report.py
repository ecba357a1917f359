"""The report of an evaluation: the results of its probes and their provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmark.headline import nonsingular
from benchmark.results import Flag, ProbeResult, Provenance
from benchmark.serialization import result_to_json
from models_zoo.display import label


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """The result of :func:`benchmark.evaluate`.

    Reports are equal if they are of the same model, battery, examples and seed and have the same
    results, to the last bit. When, where and how fast they were computed does not matter.

    Attributes:
        provenance: model, data, battery, seed and versions of the evaluation.
        results: one per probe, by the probe's name.
    """

    provenance: Provenance
    results: dict[str, ProbeResult] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Whether it is the same evaluation with the same results."""
        if not isinstance(other, Report) or type(other) is not type(self):
            return NotImplemented
        return self._key() == other._key() and self.results == other.results

    def __hash__(self) -> int:
        """Of what was evaluated."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Battery, number of examples and probes, on one line."""
        where = self.provenance
        probes = ", ".join(map(label, self.results))
        count = "1 example" if where.examples == 1 else f"{where.examples:,} examples"
        return f"Report({label(where.battery)!r}, {count}, {probes})"

    def _key(self) -> tuple[str | int, ...]:
        """What was evaluated."""
        where = self.provenance
        return where.fingerprint, where.battery_sha256, where.data_sha256, where.seed

    @property
    def answers(self) -> dict[str, ProbeResult]:
        """The results of the probes and, if its parts were run, the derived ``nonsingular``."""
        headline = nonsingular(self.results)
        return self.results | ({"nonsingular": headline} if headline else {})

    @property
    def flags(self) -> list[Flag]:
        """The flags that were raised: why some of the scores may not mean what they seem to."""
        return [flag for result in self.results.values() for flag in result.flags if flag.raised]

    @property
    def left_out(self) -> dict[str, str]:
        """The reasons why probes do not apply to the model or the examples, by probe."""
        return {
            probe: result.left_out
            for probe, result in self.results.items()
            if result.left_out is not None
        }

    @property
    def scores(self) -> dict[str, float]:
        """Every score by ``<probe>.<score>``, such as ``input.robust_accuracy``."""
        return {
            f"{probe}.{name}": score.value
            for probe, result in self.answers.items()
            for name, score in result.scores.items()
        }

    @property
    def intervals(self) -> dict[str, tuple[float, float] | None]:
        """The 95% interval of every score, under the same names; ``None`` where there is none."""
        return {
            f"{probe}.{name}": score.interval
            for probe, result in self.answers.items()
            for name, score in result.scores.items()
        }

    @property
    def per_example(self) -> dict[str, Tensor]:
        """Bool (N,) by probe: which examples are still correct at its headline budget."""
        return {
            probe: torch.from_numpy(result.outcomes["headline"].copy())
            for probe, result in self.answers.items()
            if "headline" in result.outcomes
        }

    def to_json(self) -> dict[str, Any]:
        """The whole report as JSON-ready data.

        Numbers that JSON cannot represent are null, see
        :func:`benchmark.serialization.result_to_json`.
        """
        return {
            "schema_version": 1,
            "provenance": self.provenance.model_dump(mode="json"),
            "results": {probe: result_to_json(result) for probe, result in self.answers.items()},
        }
