"""What each member of the headline's intersection costs a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.headline import headline_probes
from benchmark.probes import PROBES
from leaderboard.store import Summary
from leaderboard.store.encoding import unpack


@dataclass(frozen=True)
class Member:
    """An adversary of the headline, on one model.

    Attributes:
        probe: name of its probe.
        label: the adversary in a word, such as ``input``.
        examples: number of examples.
        lost: examples that are right when clean and wrong under this adversary.
        lost_alone: those of them that are right under all other adversaries.
    """

    probe: str
    label: str
    examples: int
    lost: int
    lost_alone: int

    @property
    def share(self) -> float:
        """The share of examples that it costs."""
        return self.lost / self.examples

    @property
    def text(self) -> str:
        """Such as ``input −31.2``: the adversary, and the points of accuracy that it costs."""
        return f"{self.label} \N{MINUS SIGN}{100 * self.share:.1f}"


def members_of(summary: Summary) -> list[Member]:
    """The adversaries of the headline, in its order; none where one of them was not run.

    Args:
        summary: a model's stored results.
    """
    packed = {name: summary.outcomes.get(f"{name}.headline") for name in headline_probes()}
    right = {
        name: unpack(bits, summary.examples) for name, bits in packed.items() if bits is not None
    }
    if len(right) < len(packed):
        return []
    adversaries = [name for name in right if PROBES[name].perturbs]
    clean = np.logical_and.reduce([right[name] for name in right if name not in adversaries])
    found = []
    for name in adversaries:
        wrong = clean & ~right[name]
        others = [right[other] for other in adversaries if other != name]
        profile = PROBES[name].profile
        found.append(
            Member(
                probe=name,
                label=profile.label if profile else PROBES[name].title,
                examples=summary.examples,
                lost=int(wrong.sum()),
                lost_alone=int(np.logical_and.reduce([wrong, *others]).sum()),
            )
        )
    return found


def costliest(members: list[Member]) -> Member | None:
    """The adversary that loses the most examples, the first of equals; ``None`` if none loses any.

    Args:
        members: as :func:`members_of` returns them.
    """
    most = max(members, key=lambda member: member.lost, default=None)
    return most if most and most.lost else None
