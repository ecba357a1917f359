"""Counterexamples as lines of JSON: in archives, and as the answer of a child in the sandbox."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime

from benchmark.counterexamples import Verified
from benchmark.results import Outcomes
from leaderboard.archives.records import CounterexampleLine, OutcomeBits
from leaderboard.store import encoding
from leaderboard.store.counterexamples import StoredCounterexample


def line_of(data_sha256: str, stored: StoredCounterexample) -> CounterexampleLine:
    """A counterexample as a line.

    Args:
        data_sha256: of the examples that it is about.
        stored: the counterexample.
    """
    found = stored.found
    return CounterexampleLine(
        data_sha256=data_sha256,
        file_sha256=stored.file_sha256,
        by=stored.by,
        created=stored.created,
        note=stored.note,
        threat=found.threat,
        robust=packed(found.robust),
        broken=packed(found.broken),
        scores=found.scores,
        held_out=None if found.held_out is None else packed(found.held_out),
        battery_sha256=stored.battery_sha256,
        seed=stored.seed,
    )


def stored_of(line: CounterexampleLine, *, imported: bool) -> StoredCounterexample:
    """The counterexample of a line.

    Args:
        line: from an archive or a child.
        imported: whether it was verified elsewhere.

    Raises:
        ValueError: it does not fit together.
    """
    held_out = None if line.held_out is None else unpacked(line.held_out)
    found = Verified(
        line.threat, unpacked(line.robust), unpacked(line.broken), line.scores, held_out
    )
    if len(found.robust) != len(found.broken) or bool((found.robust & found.broken).any()):
        raise ValueError("a counterexample breaks other examples than it says")
    datetime.fromisoformat(line.created)
    return StoredCounterexample(
        file_sha256=line.file_sha256,
        found=found,
        by=line.by,
        created=line.created,
        note=line.note,
        battery_sha256=line.battery_sha256,
        seed=line.seed,
        imported=imported,
    )


def packed(outcomes: Outcomes) -> OutcomeBits:
    """Outcomes as bits in base64."""
    return OutcomeBits(n=outcomes.size, bits=b64encode(encoding.pack(outcomes)).decode())


def unpacked(bits: OutcomeBits) -> Outcomes:
    """The outcomes of :func:`packed`.

    Raises:
        ValueError: the bits are not as many as they say.
    """
    return encoding.unpack(b64decode(bits.bits, validate=True), bits.n)
