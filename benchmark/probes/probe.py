"""What every probe is: settings, documented scores and one question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar, final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from torch import Tensor

from benchmark.results import Outcomes, ProbeResult, ScoreSpec
from benchmark.subject import Subject


def _fraction(value: object) -> object:
    if isinstance(value, str):
        try:
            return float(Fraction(value.replace(" ", "")))
        except (ValueError, ZeroDivisionError):
            raise ValueError(
                f"{value!r} is neither a number nor a fraction such as '8/255'"
            ) from None
    return value


def _ascending(values: tuple[float, ...]) -> tuple[float, ...]:
    if list(values) != sorted(set(values)) or values[0] <= 0:
        raise ValueError(f"a ladder of budgets must ascend from above 0, got {values}")
    return values


Budget = Annotated[float, BeforeValidator(_fraction), Field(ge=0)]
"""A radius; in TOML a number or a fraction in quotes."""

Ladder = Annotated[tuple[Budget, ...], Field(min_length=1), AfterValidator(_ascending)]
"""Budgets in ascending order, without the 0."""


class ProbeSettings(BaseModel):
    """Settings of a probe, from its table in a battery's TOML."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Probe(ABC):
    """One question asked of a model.

    Attributes:
        name: its name in batteries, results and on the command line.
        title: a few words for headings.
        question: one sentence, as a reader would ask it.
        Settings: the pydantic model of its settings.
        scores: what each of its scores means.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    Settings: ClassVar[type[ProbeSettings]] = ProbeSettings
    scores: ClassVar[dict[str, ScoreSpec]]

    def __init__(self, settings: Any, battery: Mapping[str, ProbeSettings] | None = None) -> None:
        self.settings = settings
        self.battery = battery or {}

    @abstractmethod
    def ask(self, subject: Subject) -> ProbeResult:
        """Answer the question; :meth:`__call__` adds the cost."""

    @final
    def __call__(self, subject: Subject) -> ProbeResult:
        """Ask, measure the cost and check the answer.

        Raises:
            RuntimeError: the probe returned a score it does not document, or outcomes of a wrong
                length.
        """
        with subject.cost() as spent:
            result = self.ask(subject)
        unknown = set(result.scores) - set(self.scores)
        if unknown:
            raise RuntimeError(f"probe {self.name} returned undocumented scores: {sorted(unknown)}")
        if "headline" in result.outcomes and len(result.outcomes["headline"]) != len(subject):
            raise RuntimeError(f"probe {self.name}: headline outcomes are not one an example")
        return result.model_copy(update={"cost": spent()})


def bits(tensor: Tensor) -> Outcomes:
    """A bool tensor (N,) as a NumPy array."""
    array: Outcomes = tensor.detach().cpu().numpy().astype(bool)
    return array


def share(label: str, description: str, *, headline: bool = False, up: bool = True) -> ScoreSpec:
    """A score that is a share of examples."""
    return ScoreSpec(
        label=label,
        description=description,
        unit="share",
        higher_is_better=up,
        headline=headline,
    )
