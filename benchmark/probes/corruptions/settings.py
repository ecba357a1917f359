"""Settings of the corruptions probe."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from benchmark.corruptions import CORRUPTIONS
from benchmark.probes.settings import ProbeSettings
from models_zoo.errors import InputError, unknown_name


class Baseline(BaseModel):
    """The errors of another model, by which the errors of a model are divided for the mCE.

    Attributes:
        name: of the model, as the score is called after it.
        errors: its mean error over the five severities, in (0, 1], by corruption.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=60)
    errors: dict[str, float]

    @model_validator(mode="after")
    def _errors_of_all_corruptions(self) -> Self:
        for name, error in self.errors.items():
            if name not in CORRUPTIONS:
                raise unknown_name("corruption", name, CORRUPTIONS)
            if not 0 < error <= 1:
                raise InputError(f"errors.{name} = {error:g} is not a share of images above 0")
        missing = [name for name in CORRUPTIONS if name not in self.errors]
        if missing:
            raise InputError(
                f"errors lack {missing[0]}: the mCE needs the baseline's mean error on each "
                "corruption"
            )
        return self


class CorruptionsSettings(ProbeSettings):
    """Where corrupted images are from, and what is computed besides the accuracies.

    Attributes:
        images: ``"corruptions-v1"``, the generator of this suite, or the published files of
            ``"cifar10-c"`` or ``"cifar100-c"`` in the folder of data sets.
        validation: whether the four validation corruptions are evaluated as well.
        resamples: number of resamples of the examples for intervals of the worst cases and ratios.
        baseline: a model with its mean error on each corruption, for the mCE; by default there is
            none.
    """

    images: Literal["corruptions-v1", "cifar10-c", "cifar100-c"] = "corruptions-v1"
    validation: bool = True
    resamples: int = Field(default=1000, ge=100, le=100_000)
    baseline: Baseline | None = None
