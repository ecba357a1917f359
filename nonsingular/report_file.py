"""A report as a JSON file, exact to the last bit; a file from elsewhere is not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from benchmark.results import Outcomes, ProbeResult, Provenance
from benchmark.serialization import bit_text
from leaderboard.store import Entry, encoding
from leaderboard.store.reading import checked_result
from models_zoo.card import Card
from models_zoo.checkpoint.content import read_file
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import refusing, shown

SCHEMA_VERSION: Final = 1
"""Increased when readers of the file have to change."""

LARGEST = 256 << 20
"""Maximum size of a file in bytes. A full battery on 10,000 examples has about 5 MB."""

HINT = "give a file that Report.save wrote"
"""What to do about a file that is not a report."""

_Bits = Annotated[str, Field(pattern=r"^[01]*$")]


class StoredResult(BaseModel):
    """The result of a probe.

    Attributes:
        outcomes: by name, a string with one ``0`` or ``1`` per example.
        content: the rest, which :class:`benchmark.results.ProbeResult` checks.
        provenance: of the result, if it was computed earlier than the report.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    outcomes: dict[str, _Bits]
    content: dict[str, Any]
    provenance: Provenance | None = None


class ReportFile(BaseModel):
    """The content of a file.

    Attributes:
        format: says what the file is.
        schema_version: of this layout.
        card: of the model.
        battery: content of the battery.
        provenance: of the report.
        results: by probe.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["nonsingular report"] = "nonsingular report"
    schema_version: Literal[1] = SCHEMA_VERSION
    card: Card
    battery: dict[str, Any]
    provenance: Provenance
    results: dict[str, StoredResult]

    @property
    def reused(self) -> dict[str, Provenance]:
        """Provenances of results that were computed earlier than the report, by probe."""
        found = {name: stored.provenance for name, stored in self.results.items()}
        return {name: own for name, own in found.items() if own is not None}


def write_report(
    path: Path, entry: Entry, provenance: Provenance, reused: Mapping[str, Provenance]
) -> Path:
    """Write a report atomically.

    Args:
        path: of the file.
        entry: the results, with card and battery.
        provenance: of the report.
        reused: provenances of results that were computed earlier, by probe.

    Raises:
        InputError: the file cannot be written.
    """
    results = {}
    for name, result in entry.results.items():
        earlier = reused.get(name)
        results[name] = {
            "outcomes": {outcome: bit_text(bits) for outcome, bits in result.outcomes.items()},
            "content": result.model_dump(),  # not mode="json": that turns an infinity into null
            "provenance": earlier and earlier.model_dump(mode="json"),
        }
    file = {
        "format": "nonsingular report",
        "schema_version": SCHEMA_VERSION,
        "card": entry.card.model_dump(mode="json"),
        "battery": entry.battery,
        "provenance": provenance.model_dump(mode="json"),
        "results": results,
    }
    write_bytes(path, encoding.dumps(file).encode())
    return path


def read_report(path: Path) -> tuple[ReportFile, dict[str, ProbeResult]]:
    """Read a report; nothing in the file is executed or believed without a check of its form.

    Returns:
        Its content, and the results by probe.

    Raises:
        InputError: it cannot be read or is not such a file.
    """
    with refusing(path, "report", HINT):
        data = read_file(path, kind="report", most=LARGEST).data
        file = ReportFile.model_validate(encoding.loads(data))
        results = {
            name: checked_result(
                stored.content,
                {outcome: _outcomes(bits) for outcome, bits in stored.outcomes.items()},
                file.provenance,
            )
            for name, stored in file.results.items()
        }
        if wrong := [name for name, result in results.items() if result.probe != name]:
            raise ValueError(f"{shown(wrong[0])} is of another probe")
        for earlier in file.reused.values():
            if _key(earlier) != _key(file.provenance):
                raise ValueError("a result is of another evaluation")
    return file, results


def _outcomes(bits: str) -> Outcomes:
    outcomes: Outcomes = np.frombuffer(bits.encode("ascii"), np.uint8) == ord("1")
    return outcomes


def _key(where: Provenance) -> tuple[str, str, str, int, int]:
    hashes = (where.fingerprint, where.battery_sha256, where.data_sha256)
    return (*hashes, where.seed, where.examples)
