"""Writing an archive."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmark.results import ProbeResult
from leaderboard.archives.counterexample_lines import line_of, packed
from leaderboard.archives.records import (
    BatteryLine,
    CounterexampleLine,
    End,
    Header,
    Line,
    ModelLine,
    RerunLine,
    ResultLine,
)
from leaderboard.store import Entry, encoding
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError


def write_archive(
    path: Path, entries: Sequence[Entry], *, by: str = "", licence: str = ""
) -> Header:
    """Write stored results to an archive, atomically; equal results give equal bytes.

    Args:
        path: of the file, in an existing folder.
        entries: at least one.
        by: the person or project that made it.
        licence: SPDX identifier of the results' licence.

    Returns:
        The first line of the file.

    Raises:
        InputError: there is nothing to write, or the file cannot be written.
    """
    if not entries:
        raise InputError("there are no results to archive; score models with nonsingular bench")
    header = Header(
        created=max(where.created for entry in entries for where in entry.provenances.values()),
        by=by,
        licence=licence,
        batteries=len({entry.provenance.battery_sha256 for entry in entries}),
        models=len({entry.provenance.fingerprint for entry in entries}),
        results=sum(len(entry.results) for entry in entries),
    )
    content = bytearray()
    for line in _lines(header, sorted(entries, key=_place)):
        # Not mode="json": that turns an infinity into null.
        content += encoding.dumps(line.model_dump()).encode() + b"\n"
    end = End(sha256=hashlib.sha256(content).hexdigest())
    content += encoding.dumps(end.model_dump()).encode() + b"\n"
    write_bytes(path, gzip.compress(bytes(content), 9, mtime=0))
    return header


def _place(entry: Entry) -> tuple[str, ...]:
    where = entry.provenance
    return (
        *(where.battery, entry.card.name, where.fingerprint, where.battery_sha256),
        *(where.split, where.data_sha256, str(where.seed)),
    )


def _lines(header: Header, entries: Sequence[Entry]) -> Iterator[Line]:
    yield header
    batteries = {
        entry.provenance.battery_sha256: BatteryLine(
            sha256=entry.provenance.battery_sha256,
            content=entry.battery,
            algorithms=entry.provenance.algorithms,
        )
        for entry in entries
    }
    yield from batteries.values()
    models = {
        entry.provenance.fingerprint: ModelLine(
            fingerprint=entry.provenance.fingerprint,
            card=entry.card,
            submitted=entry.submitted,
            counterexamples=_counterexamples(entries, entry.provenance.fingerprint),
        )
        for entry in entries
    }
    yield from models.values()
    for entry in entries:
        for probe in entry.results:
            yield _result_line(entry, probe, entry.as_measured(probe))


def _counterexamples(entries: Sequence[Entry], fingerprint: str) -> list[CounterexampleLine]:
    """The counterexamples of a model, each once, in the order of the entries."""
    lines = {
        (entry.provenance.data_sha256, each.file_sha256): line_of(
            entry.provenance.data_sha256, each
        )
        for entry in entries
        if entry.provenance.fingerprint == fingerprint
        for each in entry.counterexamples
    }
    return list(lines.values())


def _result_line(entry: Entry, probe: str, result: ProbeResult) -> ResultLine:
    return ResultLine(
        provenance=entry.provenances[probe],
        content=result.model_dump(),
        outcomes={name: packed(bits) for name, bits in result.outcomes.items()},
        reruns=[
            RerunLine.model_validate(
                {key: value for key, value in asdict(each).items() if key != "imported"}
            )
            for each in entry.reruns.get(probe, [])
        ],
    )
