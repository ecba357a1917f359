"""Agreement between a stored result and a rerun of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.results import ProbeResult, Provenance, Score
from leaderboard.store import Rerun


@dataclass(frozen=True)
class ScorePair:
    """A stored score and the score of the rerun.

    Attributes:
        name: ``<probe>.<score>``.
        stored: the stored score; ``None`` if only the rerun has it.
        again: the score of the rerun; ``None`` if only the store has it.
        compares_ends: whether intervals are compared as well; not if they were computed by
            different methods.
    """

    name: str
    stored: Score | None
    again: Score | None
    compares_ends: bool = True

    @property
    def same(self) -> bool:
        """Whether value and interval agree to the last bit; NaN agrees with NaN."""
        if self.stored is None or self.again is None:
            return self.stored is self.again
        numbers = zip(self._compared(self.stored), self._compared(self.again), strict=True)
        return self.stored.n == self.again.n and all(repr(one) == repr(two) for one, two in numbers)

    @property
    def difference(self) -> float | None:
        """Largest absolute difference of value and interval ends, in the score's own unit.

        ``None`` if it is undefined: one side lacks the score, has it for another number of
        examples, or has NaN where the other has a number.
        """
        if self.stored is None or self.again is None or self.stored.n != self.again.n:
            return None
        pairs = zip(self._compared(self.stored), self._compared(self.again), strict=True)
        differences = [0.0 if repr(one) == repr(two) else abs(one - two) for one, two in pairs]
        return None if any(map(math.isnan, differences)) else max(differences)

    def _compared(self, score: Score) -> tuple[float, ...]:
        return (score.value, score.low, score.high) if self.compares_ends else (score.value,)


@dataclass(frozen=True)
class Reproduction:
    """How a rerun of one probe compares with the stored result.

    Attributes:
        probe: the probe's name.
        scores: every score of either side.
        examples: number of per-example outcomes that differ, and their total number.
        circumstances: what differs from the stored run, such as ``"torch 2.9 in place of 2.8"``.
        again: the result of the rerun.
        provenance: of the rerun.
    """

    probe: str
    scores: list[ScorePair]
    examples: tuple[int, int]
    circumstances: list[str]
    again: ProbeResult
    provenance: Provenance

    @property
    def same(self) -> bool:
        """Whether every score and every outcome agree to the last bit."""
        return self.examples[0] == 0 and all(each.same for each in self.scores)

    @property
    def largest_difference(self) -> float | None:
        """Largest :attr:`ScorePair.difference` of any score; ``None`` if one is undefined."""
        differences = [each.difference for each in self.scores]
        known = [each for each in differences if each is not None]
        return None if len(known) < len(differences) else max(known, default=0.0)

    def signed(self, by: str, *, note: str = "", imported: bool = False) -> Rerun:
        """The rerun as the store keeps it.

        Args:
            by: name of the person who ran it.
            note: a note for readers.
            imported: whether it was read from a file.
        """
        differing, outcomes = self.examples
        return Rerun(
            by=by,
            created=self.provenance.created,
            same=self.same,
            largest_difference=self.largest_difference,
            differing=differing,
            outcomes=outcomes,
            device=self.provenance.device,
            threads=self.provenance.threads,
            versions=self.provenance.versions,
            circumstances=self.circumstances,
            imported=imported,
            note=note,
        )


def compare(
    stored: ProbeResult,
    again: ProbeResult,
    stored_provenance: Provenance,
    new_provenance: Provenance,
) -> Reproduction:
    """Compare two results of one probe, score by score and example by example."""
    names = dict.fromkeys([*stored.scores, *again.scores])
    by_one_method = stored_provenance.intervals == new_provenance.intervals
    scores = [
        ScorePair(
            f"{stored.probe}.{name}", stored.scores.get(name), again.scores.get(name), by_one_method
        )
        for name in names
    ]
    differing = total = 0
    for name in dict.fromkeys([*stored.outcomes, *again.outcomes]):
        one, two = stored.outcomes.get(name), again.outcomes.get(name)
        size = max(len(each) for each in (one, two) if each is not None)
        total += size
        both = one is not None and two is not None and one.shape == two.shape
        differing += int(np.count_nonzero(one != two)) if both else size
    circumstances = _differences(stored_provenance, new_provenance)
    return Reproduction(
        probe=stored.probe,
        scores=scores,
        examples=(differing, total),
        circumstances=circumstances,
        again=again,
        provenance=new_provenance,
    )


def _differences(stored: Provenance, new: Provenance) -> list[str]:
    """What may explain different numbers: versions, device, processor and threads that differ."""
    pairs = [
        (name, new.versions.get(name, "none"), stored.versions.get(name, "none"))
        for name in dict.fromkeys([*new.versions, *stored.versions])
    ]
    found = [
        f"{name} {here} in place of {before}" for name, here, before in pairs if here != before
    ]
    if stored.device != new.device:
        found.append(f"device {new.device} in place of {stored.device}")
    if stored.processor != new.processor:
        one, two = (each.processor or "one that was not recorded" for each in (new, stored))
        found.append(f"processor {one} in place of {two}")
    if stored.threads != new.threads:
        found.append(f"{new.threads} threads in place of {stored.threads}")
    if stored.intervals != new.intervals:
        found.append(f"intervals of version {new.intervals} in place of {stored.intervals}")
    return found
