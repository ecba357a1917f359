"""What the input attack found on some of the examples, as data that can be stored and joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, JsonValue, PlainSerializer

from benchmark.attacks.inputs import InputAttackResult
from benchmark.budgets import Budget
from benchmark.probes.input.pictures import N_EXAMPLES, ShownExample
from benchmark.probes.probe import as_outcomes
from benchmark.results import Flag, Outcomes
from benchmark.serialization import bit_text, bits_of

Bits = Annotated[Outcomes, BeforeValidator(bits_of), PlainSerializer(bit_text)]
"""Bool (N,); in JSON a text with a ``0`` or ``1`` per example."""


class SearchCounts(BaseModel):
    """The work of a search, over all budgets of a norm.

    Attributes:
        attacked: number of examples it ran on.
        broken: how many of them it broke.
        passes: images passed forward or backward.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attacked: int = 0
    broken: int = 0
    passes: int = 0

    def __add__(self, other: SearchCounts) -> SearchCounts:
        """The work of both."""
        return SearchCounts(
            attacked=self.attacked + other.attacked,
            broken=self.broken + other.broken,
            passes=self.passes + other.passes,
        )


class InputFound(BaseModel):
    """What the attacks at all budgets found on some of the examples.

    Attributes:
        clean: bool (N,), classified correctly without an attack.
        robust: bool (N,) for each budget, ascending, by norm.
        along: bool (N,), broken by a search that follows gradients, at any budget.
        freely: bool (N,), broken by a search without them.
        searches: the work of each search by its name, in the order in which they run, by norm.
        shown: the first broken examples, with their pictures.
        flags: of the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    clean: Bits
    robust: dict[str, list[Bits]]
    along: Bits
    freely: Bits
    searches: dict[str, dict[str, SearchCounts]]
    shown: list[ShownExample]
    flags: list[Flag]

    @property
    def account(self) -> dict[str, JsonValue]:
        """The work of each search, over all budgets of a norm, in words."""
        return {
            f"searches in {norm} balls": [
                f"{name}: {each.broken} of {each.attacked} broken, {each.passes} passes"
                for name, each in searches.items()
            ]
            for norm, searches in self.searches.items()
        }


def found_by(
    attacks: Mapping[str, Mapping[Budget, InputAttackResult]],
    clean: Outcomes,
    shown: Sequence[ShownExample],
    flags: Sequence[Flag],
) -> InputFound:
    """What attacks found.

    Args:
        attacks: by budget, ascending, by norm.
        clean: bool (N,), classified correctly without an attack.
        shown: the first broken examples.
        flags: of the model.
    """
    along, freely = np.zeros_like(clean), np.zeros_like(clean)
    searches: dict[str, dict[str, SearchCounts]] = {}
    for norm, by_budget in attacks.items():
        counts = searches.setdefault(norm, {})
        for attack in by_budget.values():
            for report in attack.searches:
                broken = as_outcomes(report.broken)
                if report.uses_gradients:
                    along |= broken
                else:
                    freely |= broken
                _count(
                    counts,
                    report.search,
                    SearchCounts(
                        attacked=int(report.attacked.sum()),
                        broken=int(broken.sum()),
                        passes=report.forwards + report.backwards,
                    ),
                )
    return InputFound(
        clean=clean,
        robust={
            norm: [as_outcomes(attack.robust) for attack in by_budget.values()]
            for norm, by_budget in attacks.items()
        },
        along=along,
        freely=freely,
        searches=searches,
        shown=list(shown),
        flags=list(flags),
    )


def joined(parts: Sequence[InputFound]) -> InputFound:
    """What was found on all examples.

    Args:
        parts: what was found on consecutive parts of them, in their order.
    """
    first = parts[0]
    searches: dict[str, dict[str, SearchCounts]] = {}
    shown: list[ShownExample] = []
    before = 0
    for part in parts:
        # Each part ran the first so many searches of the same effort: until none was robust.
        for norm, by_name in part.searches.items():
            for name, counts in by_name.items():
                _count(searches.setdefault(norm, {}), name, counts)
        shown += [each.after(before) for each in part.shown]
        before += len(part.clean)
    return InputFound(
        clean=_in_a_row(part.clean for part in parts),
        robust={
            norm: [
                _in_a_row(part.robust[norm][place] for part in parts) for place in range(len(of))
            ]
            for norm, of in first.robust.items()
        },
        along=_in_a_row(part.along for part in parts),
        freely=_in_a_row(part.freely for part in parts),
        searches=searches,
        shown=shown[:N_EXAMPLES],
        flags=first.flags,
    )


def _count(counts: dict[str, SearchCounts], name: str, further: SearchCounts) -> None:
    counts[name] = counts.get(name, SearchCounts()) + further


def _in_a_row(parts: Iterable[Outcomes]) -> Outcomes:
    return np.concatenate(list(parts))
