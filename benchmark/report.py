"""The report of an evaluation: the results of its probes and their provenance."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from benchmark.headline import nonsingular
from benchmark.results import ProbeResult, Provenance
from benchmark.serialization import result_to_json


@dataclass(frozen=True)
class Report:
    """The result of :func:`benchmark.evaluate`.

    Attributes:
        provenance: model, data, battery, seed and versions of the evaluation.
        results: one per probe, by the probe's name.
    """

    provenance: Provenance
    results: dict[str, ProbeResult] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, ProbeResult]:
        """The results of the probes and, if its parts were run, the derived ``nonsingular``."""
        headline = nonsingular(self.results)
        return self.results | ({"nonsingular": headline} if headline else {})

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
