"""The report of an evaluation: probe results with where they come from."""

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
    """What :func:`benchmark.evaluate` returns.

    Attributes:
        provenance: model, data, battery, seed and versions the numbers belong to.
        results: one answer a probe, by the probe's name.
    """

    provenance: Provenance
    results: dict[str, ProbeResult] = field(default_factory=dict)

    @property
    def answers(self) -> dict[str, ProbeResult]:
        """The probes' results and, where its parts were run, the derived ``nonsingular``."""
        headline = nonsingular(self.results)
        return self.results | ({"nonsingular": headline} if headline else {})

    @property
    def left_out(self) -> dict[str, str]:
        """Why probes were not run, by probe: what they ask makes no sense of model and examples."""
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
    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95% interval of every score, under the same names."""
        return {
            f"{probe}.{name}": (score.low, score.high)
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

        Numbers JSON cannot write are null, see :func:`benchmark.serialization.result_to_json`.
        """
        return {
            "schema_version": 1,
            "provenance": self.provenance.model_dump(mode="json"),
            "results": {probe: result_to_json(result) for probe, result in self.answers.items()},
        }
