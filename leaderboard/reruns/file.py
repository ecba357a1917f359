"""A rerun as a file, to be recorded in another database.

The file has the new scores and outcomes. Whether they agree with the stored ones is decided when
the file is recorded; what the file says about it is only informative.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from benchmark.results import ProbeResult, Score
from leaderboard.reruns.agreement import Reproduction, compare
from leaderboard.reruns.find_results import HASH_DIGITS
from leaderboard.store import Entry, Store, encoding
from models_zoo.checkpoint.content import read_file
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError, refusing

SCHEMA_VERSION: Final = 1
"""Increased when readers of the file have to change."""

_MAX_BYTES = 64 << 20
"""Maximum size of a file in bytes; one of a whole battery on 50,000 images has about 2 MB."""

_Name = Annotated[str, Field(pattern=r"^[ -~]{1,200}$")]
_Text = Annotated[str, Field(pattern=r"^[ -~]{1,100}$")]
_Bits = Annotated[str, Field(pattern=r"^[01]*$")]
_EARLIEST, _LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class RerunResult(BaseModel):
    """The new result of one probe, with its provenance.

    Attributes:
        scores: by name, without the probe's name.
        outcomes: by name, a string with one ``0`` or ``1`` per example.
        device: where it was computed.
        threads: intra-operation threads.
        versions: versions of Python and of the packages that can change a number.
        created: time of the run, with its zone.
        processor: what computed; missing in files from before this was recorded.
        same: whether all agreed to the last bit with the result stored on that machine.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scores: dict[_Name, Score]
    outcomes: dict[_Name, _Bits]
    device: _Text
    threads: int = Field(ge=1, le=2**16)
    versions: dict[_Text, _Text] = Field(max_length=50)
    created: AwareDatetime = Field(ge=_EARLIEST, le=_LATEST)
    same: bool
    processor: _Text | None = None


class RerunFile(BaseModel):
    """What ``nonsingular reproduce --json`` writes.

    Attributes:
        schema_version: of this layout.
        model: the name of the model, for information.
        fingerprint: of the model; with the hashes and the seed it is the key of the stored result.
        battery_sha256: hash of the battery.
        data_sha256: hash of the images.
        seed: root of every random draw.
        results: the new results by probe.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = SCHEMA_VERSION
    model: str = Field(max_length=200)
    fingerprint: _Sha256
    battery_sha256: _Sha256
    data_sha256: _Sha256
    seed: int
    results: dict[_Name, RerunResult] = Field(min_length=1)


def write_rerun(path: Path, entry: Entry, found: Sequence[Reproduction]) -> None:
    """Write the rerun of a stored result to a file.

    Args:
        path: of the file, in an existing folder.
        entry: the stored result.
        found: the rerun of at least one probe.

    Raises:
        InputError: the file cannot be written.
    """
    where = entry.provenance
    file = RerunFile(
        model=entry.card.name,
        fingerprint=where.fingerprint,
        battery_sha256=where.battery_sha256,
        data_sha256=where.data_sha256,
        seed=where.seed,
        results={each.probe: _result(each) for each in found},
    )
    content = file.model_dump()  # not mode="json": that turns an infinity into null
    for name, each in file.results.items():
        content["results"][name]["created"] = each.created.isoformat()
    write_bytes(path, encoding.dumps(content).encode())


def _result(found: Reproduction) -> RerunResult:
    bits = found.again.outcomes
    return RerunResult(
        scores=found.again.scores,
        outcomes={name: "".join(map(str, each.astype(int))) for name, each in bits.items()},
        device=found.provenance.device,
        threads=found.provenance.threads,
        versions=found.provenance.versions,
        created=datetime.fromisoformat(found.provenance.created),
        same=found.same,
        processor=found.provenance.processor,
    )


def read_rerun(path: Path) -> RerunFile:
    """Read such a file; its content is not trusted.

    Raises:
        InputError: it cannot be read or has another format.
    """
    with refusing(path, "rerun", "give a file that nonsingular reproduce --json wrote"):
        content = read_file(path, kind="rerun", most=_MAX_BYTES).data
        return RerunFile.model_validate(encoding.loads(content))


def compare_file(file: RerunFile, store: Store) -> tuple[Entry, list[Reproduction]]:
    """Compare a file's scores with the stored ones.

    Returns:
        The stored entry, and how each of its results agrees with the file's.

    Raises:
        InputError: the result that was run again is not stored.
    """
    entry = _stored(file, store)
    if missing := [probe for probe in file.results if probe not in entry.results]:
        raise InputError(
            f"the rerun is about {missing[0]!r} of {entry.card.name}, which is not stored; "
            f"stored: {', '.join(entry.results)}"
        )
    found = []
    for probe, result in file.results.items():
        then = entry.provenances[probe]
        named = ("device", "threads", "versions", "processor")
        own = {name: getattr(result, name) for name in named}
        now = then.model_copy(update={**own, "created": result.created.isoformat()})
        found.append(compare(entry.results[probe], _answer(probe, result), then, now))
    return entry, found


def _stored(file: RerunFile, store: Store) -> Entry:
    key = (file.battery_sha256, file.data_sha256, file.seed)
    entries = store.entries(fingerprints=[file.fingerprint])
    for entry in entries:
        own = entry.provenance
        if (own.battery_sha256, own.data_sha256, own.seed) == key:
            return entry
    what = "with this battery, data and seed" if entries else "of this model"
    raise InputError(
        f"the rerun is about a result that is not stored: nothing {what} (model "
        f"{file.fingerprint[:HASH_DIGITS]}, battery {file.battery_sha256[:HASH_DIGITS]}, data "
        f"{file.data_sha256[:HASH_DIGITS]}, seed {file.seed}); name its database with --database"
    )


def _answer(probe: str, result: RerunResult) -> ProbeResult:
    outcomes = {
        name: np.frombuffer(bits.encode(), np.uint8) == ord("1")
        for name, bits in result.outcomes.items()
    }
    return ProbeResult(probe=probe, scores=result.scores, outcomes=outcomes)
