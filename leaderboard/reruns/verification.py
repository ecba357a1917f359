"""Whether a number was measured here, obtained again by others, or only reported."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from benchmark.headline import headline_probes
from benchmark.probes import PROBES
from leaderboard.store import Entry, Rerun, Summary
from models_zoo.errors import unknown_name

Kind = Literal["measured", "imported", "rerun", "rerun-differs", "self-reported"]

MAX_NAMED_RERUNS = 3
"""Maximum number of reruns that a sentence describes; it only counts the earlier ones."""


@dataclass(frozen=True)
class Verification:
    """How well a number is confirmed.

    Attributes:
        kind: ``"measured"`` if it was computed here, ``"imported"`` if a part of it is from an
            archive, ``"rerun"`` if it was run again and every
            rerun agreed to the last bit, ``"rerun-differs"`` if one did not, ``"self-reported"``
            if only the model's author reports it.
        sentence: the same as text, without a full stop. It contains names that users chose: escape
            it.
        reruns: the reruns, oldest first.
    """

    kind: Kind
    sentence: str
    reruns: Sequence[Rerun] = ()


def verification_of(entry: Entry | Summary, probe: str) -> Verification:
    """How well the numbers of a probe are confirmed.

    Args:
        entry: the model on a battery, data and seed.
        probe: a probe, or the derived ``nonsingular``, which is confirmed by its parts.

    Raises:
        InputError: there is neither a stored result of the probe nor a claim of the author.
    """
    asked = entry.results if isinstance(entry, Entry) else entry.probes
    parts = headline_probes() if probe == "nonsingular" else (probe,)
    if all(part in asked for part in parts):
        imported = any(part in entry.imported for part in parts)
        return _measured(parts, [entry.reruns.get(part, []) for part in parts], imported=imported)
    card = entry.card
    claim = PROBES[probe].claim if probe in PROBES else None
    if claim is not None and getattr(card, claim) is not None:
        return Verification("self-reported", "reported by the model's author; not measured here")
    raise unknown_name(f"stored probe of {card.name}", probe, asked)


def _measured(
    parts: Sequence[str], reruns: Sequence[Sequence[Rerun]], *, imported: bool
) -> Verification:
    if not any(reruns):
        return _not_run_again(tuple(parts), imported)
    named_reruns = sorted((each for one in reruns for each in one), key=lambda rerun: rerun.created)
    if any(not each.same for each in named_reruns):
        kind: Kind = "rerun-differs"
    else:
        kind = "rerun" if all(reruns) else "imported" if imported else "measured"
    clauses = [
        f"{f'{part} ' if len(parts) > 1 else ''}{_reruns_sentence(one)}"
        for part, one in zip(parts, reruns, strict=True)
        if one
    ]
    return Verification(kind, "; ".join([_source(parts, imported), *clauses]), named_reruns)


@cache
def _not_run_again(parts: tuple[str, ...], imported: bool) -> Verification:
    kind: Kind = "imported" if imported else "measured"
    return Verification(kind, f"{_source(parts, imported)}; not run again yet")


def _source(parts: Sequence[str], imported: bool) -> str:
    whole = f"derived from {', '.join(parts[:-1])} and {parts[-1]}, " if len(parts) > 1 else ""
    where = "by this suite elsewhere, imported from an archive" if imported else "by this suite"
    return f"{whole}measured {where}"


def _reruns_sentence(reruns: Sequence[Rerun]) -> str:
    """The latest reruns as text, and the number of earlier ones."""
    named = [_clause(rerun) for rerun in reversed(reruns[-MAX_NAMED_RERUNS:])]
    earlier = reruns[:-MAX_NAMED_RERUNS]
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
    difference = rerun.largest_difference
    if difference is None:
        return f"differs in what was scored, {outcomes}"
    if math.isinf(difference):
        return f"a score is infinite in one of the two runs only, {outcomes}"
    return f"scores differ by up to {difference:.2g}, {outcomes}"
