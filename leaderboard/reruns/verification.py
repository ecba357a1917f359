"""Whose number it is: measured here, run again by others, or reported by the model's author."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from benchmark.headline import PARTS
from leaderboard.store import Entry, Rerun, Summary
from models_zoo.errors import unknown_name

Kind = Literal["measured", "rerun", "rerun-differs", "self-reported"]

NAMED = 3
"""Reruns that a sentence names; of more it gives the number."""


@dataclass(frozen=True)
class Standing:
    """What a number rests on.

    Attributes:
        kind: ``"measured"`` where it was computed by this suite, ``"rerun"`` where somebody ran it
            again and every rerun agreed to the last bit, ``"rerun-differs"`` where one did not,
            ``"self-reported"`` where only the model's author states it.
        sentence: the same in plain words, without a full stop. It holds names as people gave them:
            escape it.
        reruns: what the sentence tells of, oldest first.
    """

    kind: Kind
    sentence: str
    reruns: Sequence[Rerun] = ()


def standing(entry: Entry | Summary, probe: str) -> Standing:
    """What the numbers of a probe rest on.

    Args:
        entry: the model on a battery, data and seed.
        probe: a probe, or the derived ``nonsingular``, which stands on its parts.

    Raises:
        InputError: there is neither a stored answer of the probe nor a claim of the author's.
    """
    asked = entry.results if isinstance(entry, Entry) else entry.probes
    parts = PARTS if probe == "nonsingular" else (probe,)
    if all(part in asked for part in parts):
        return _measured(parts, [entry.reruns.get(part, []) for part in parts])
    card = entry.card
    claimed = {"clean": card.clean_accuracy, "input": card.robustness}
    if claimed.get(probe) is not None:
        return Standing("self-reported", "reported by the model's author; not measured here")
    raise unknown_name(f"stored probe of {card.name}", probe, asked)


def _measured(parts: Sequence[str], reruns: Sequence[Sequence[Rerun]]) -> Standing:
    if not any(reruns):
        return _not_run_again(tuple(parts))
    told = sorted((each for one in reruns for each in one), key=lambda rerun: rerun.created)
    if any(not each.same for each in told):
        kind: Kind = "rerun-differs"
    else:
        kind = "rerun" if all(reruns) else "measured"
    clauses = [
        f"{f'{part} ' if len(parts) > 1 else ''}{_told(one)}"
        for part, one in zip(parts, reruns, strict=True)
        if one
    ]
    return Standing(kind, "; ".join([_source(parts), *clauses]), told)


@cache
def _not_run_again(parts: tuple[str, ...]) -> Standing:
    return Standing("measured", f"{_source(parts)}; not run again yet")


def _source(parts: Sequence[str]) -> str:
    whole = f"derived from {', '.join(parts[:-1])} and {parts[-1]}, " if len(parts) > 1 else ""
    return f"{whole}measured by this suite"


def _told(reruns: Sequence[Rerun]) -> str:
    """The latest reruns in words, and how many there are before them."""
    named = [_clause(rerun) for rerun in reversed(reruns[-NAMED:])]
    earlier = reruns[:-NAMED]
    if earlier:
        agreed = sum(rerun.same for rerun in earlier)
        what = "earlier rerun" if len(earlier) == 1 else "earlier reruns"
        named.append(f"{len(earlier)} {what}, {agreed} of them agreeing to the last bit")
    return "; ".join(named)


def _clause(rerun: Rerun) -> str:
    where = " on another machine" if rerun.imported else ""
    how = f" with {', '.join(rerun.circumstances)}" if rerun.circumstances else ""
    return f"run again by {rerun.by}{where} on {rerun.created[:10]}{how}: {_verdict(rerun)}"


def _verdict(rerun: Rerun) -> str:
    if rerun.same:
        return "agrees to the last bit"
    outcomes = f"{rerun.differing:,} of {rerun.outcomes:,} outcomes differ"
    apart = rerun.largest_difference
    if apart is None:
        return f"differs in what was scored, {outcomes}"
    if math.isinf(apart):
        return f"a score is infinite in one of the two runs only, {outcomes}"
    return f"scores differ by up to {apart:.2g}, {outcomes}"
