"""Settings of the probe for flatness at equal confidence."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from benchmark.probes.settings import ProbeSettings
from models_zoo.errors import InputError

Confidence = Annotated[float, Field(gt=0, lt=1)]


class MatchedFlatnessSettings(ProbeSettings):
    """The confidence; perturbations, examples and effort are those of the flatness probe.

    Attributes:
        confidence: mean confidence on clean examples to which the temperature of every model is set
            for the scores.
        confidences: mean confidences of the chart, ascending; ``confidence`` is added.
    """

    confidence: Confidence = 0.9
    confidences: tuple[Confidence, ...] = (0.5, 0.6, 0.7, 0.8, 0.95, 0.99)

    @model_validator(mode="after")
    def _confidences_ascend(self) -> Self:
        if list(self.confidences) != sorted(set(self.confidences)):
            raise InputError(
                f"matched-flatness.confidences must ascend, got {list(self.confidences)}"
            )
        return self
