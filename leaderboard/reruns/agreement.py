"""How an answer that was computed again agrees with the stored one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.results import ProbeResult, Provenance, Score
from leaderboard.store import Rerun


@dataclass(frozen=True)
class Comparison:
    """One score, as it is stored and as it came out again.

    Attributes:
        name: ``<probe>.<score>``.
        stored: the score of the record; ``None`` where only the new run has it.
        again: the score of the new run; ``None`` where only the record has it.
    """

    name: str
    stored: Score | None
    again: Score | None

    @property
    def same(self) -> bool:
        """Whether value and interval agree to the last bit."""
        return _numbers(self.stored) == _numbers(self.again)

    @property
    def difference(self) -> float | None:
        """Largest absolute difference of value and interval ends, in the score's own unit.

        ``None`` where they cannot be subtracted: one side lacks the score, has it from another
        number of examples, or has no number where the other has one.
        """
        if self.stored is None or self.again is None or self.stored.n != self.again.n:
            return None
        pairs = zip(_ends(self.stored), _ends(self.again), strict=True)
        apart = [0.0 if repr(one) == repr(two) else abs(one - two) for one, two in pairs]
        return None if any(map(math.isnan, apart)) else max(apart)


@dataclass(frozen=True)
class Reproduction:
    """How a new run of one probe compares with its record.

    Attributes:
        probe: the probe's name.
        scores: every score of either side.
        examples: number of per-example outcomes that differ, and how many there are.
        circumstances: what differs from the record, such as ``"torch 2.9 in place of 2.8"``.
        again: the new answer.
        provenance: where it comes from.
    """

    probe: str
    scores: list[Comparison]
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
        """Of any score, see :attr:`Comparison.difference`."""
        apart = [each.difference for each in self.scores]
        known = [each for each in apart if each is not None]
        return None if len(known) < len(apart) else max(known, default=0.0)

    def signed(self, by: str, *, note: str = "", imported: bool = False) -> Rerun:
        """What the store keeps of it, under somebody's name.

        Args:
            by: who ran it.
            note: what a reader should know.
            imported: whether it was taken in from a file.
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
    stored: ProbeResult, again: ProbeResult, then: Provenance, now: Provenance
) -> Reproduction:
    """Two answers of one probe, score by score and example by example."""
    names = dict.fromkeys([*stored.scores, *again.scores])
    scores = [
        Comparison(f"{stored.probe}.{name}", stored.scores.get(name), again.scores.get(name))
        for name in names
    ]
    differing = total = 0
    for name in dict.fromkeys([*stored.outcomes, *again.outcomes]):
        one, two = stored.outcomes.get(name), again.outcomes.get(name)
        size = max(len(each) for each in (one, two) if each is not None)
        total += size
        both = one is not None and two is not None and one.shape == two.shape
        differing += int(np.count_nonzero(one != two)) if both else size
    circumstances = _differences(then, now)
    return Reproduction(stored.probe, scores, (differing, total), circumstances, again, now)


def _differences(then: Provenance, now: Provenance) -> list[str]:
    """What may explain other numbers: device, threads and versions that are not the record's."""
    names = dict.fromkeys([*now.versions, *then.versions])
    pairs = [(n, now.versions.get(n, "none"), then.versions.get(n, "none")) for n in names]
    found = [f"{name} {new} in place of {old}" for name, new, old in pairs if new != old]
    if then.device != now.device:
        found.append(f"device {now.device} in place of {then.device}")
    if then.threads != now.threads:
        found.append(f"{now.threads} threads in place of {then.threads}")
    return found


def _numbers(score: Score | None) -> tuple[object, ...]:
    """What has to agree; NaN agrees with NaN."""
    return () if score is None else (score.n, *map(repr, _ends(score)))


def _ends(score: Score) -> tuple[float, float, float]:
    return score.value, score.low, score.high
