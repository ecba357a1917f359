"""The lines of an archive.

An archive is a gzip file of JSON lines, in this order: a :class:`Header`, a :class:`BatteryLine`
per battery, a :class:`ModelLine` per model, a :class:`ResultLine` per result, and an :class:`End`
with the SHA-256 of everything before it. Numbers that JSON cannot write are encoded as in the
database (:mod:`leaderboard.store.encoding`); outcomes are eight per byte, in base64.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_serializer,
    model_serializer,
)

from benchmark.counterexamples.counterexample import Claimed
from benchmark.results import Provenance, Score
from models_zoo.card import Card

FORMAT: Final = "nonsingular archive"

VERSION: Final = 1
"""Increased when readers have to change."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[!-~](?:[ -~]{0,98}[!-~])?$")]
"""1 to 100 printable ASCII characters, as the database has room for."""

Text = Annotated[str, Field(max_length=1000)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


class Line(BaseModel):
    """A line of an archive."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Header(Line):
    """The first line.

    Attributes:
        format: says what the file is.
        version: of this layout.
        created: UTC time of the newest result, ISO 8601; equal results give equal files.
        by: the person or project that made it; empty if not stated.
        licence: SPDX identifier of the results' licence; empty if not stated.
        batteries: number of lines of each kind that follow.
        models: likewise.
        results: likewise.
    """

    format: Literal["nonsingular archive"] = FORMAT
    version: Literal[1] = VERSION
    created: Annotated[str, Field(max_length=40)]
    by: Annotated[str, Field(max_length=200)] = ""
    licence: Annotated[str, Field(max_length=100)] = ""
    batteries: Count
    models: Count
    results: Count


class BatteryLine(Line):
    """A battery.

    Attributes:
        sha256: of the content and the versions of the algorithms.
        content: as JSON.
        algorithms: versions of the probes' algorithms that are above 1.
    """

    sha256: Sha256
    content: dict[str, Any]
    algorithms: dict[Name, int] = Field(default_factory=dict)


class OutcomeBits(Line):
    """An outcome.

    Attributes:
        n: number of examples.
        bits: ceil(n / 8) bytes in base64, the first example in the highest bit.
    """

    n: Count
    bits: str


class CounterexampleLine(Line):
    """A verified counterexample, see :mod:`leaderboard.store.counterexamples`.

    Results in the archive are as they were measured; its reader counts counterexamples against
    them.

    Attributes:
        data_sha256: of the examples.
        file_sha256: of its file.
        by: who found it.
        created: UTC time at which it was verified, ISO 8601.
        note: a note for readers.
        threat: the ball in which it lies.
        robust: which examples are still classified correctly.
        broken: which it breaks.
        scores: of a backdoor, the scores that it replaces.
        held_out: of a backdoor, which images that it was measured on are classified correctly.
        battery_sha256: of a backdoor, the battery that has it.
        seed: of a backdoor, the seed of the results that it is about.
    """

    data_sha256: Sha256
    file_sha256: Sha256
    by: Annotated[str, Field(min_length=1, max_length=200)]
    created: Annotated[str, Field(max_length=40)]
    note: Text = ""
    threat: Claimed
    robust: OutcomeBits
    broken: OutcomeBits
    scores: dict[Name, Score] = Field(default_factory=dict, max_length=100)
    held_out: OutcomeBits | None = None
    battery_sha256: Sha256 | None = None
    seed: int | None = None


class ModelLine(Line):
    """A model.

    Attributes:
        fingerprint: of its function.
        card: its card.
        submitted: whether it came in through ``nonsingular submit``.
        counterexamples: of its results, oldest first; not written if there are none, so that
            earlier versions read the archive.
    """

    fingerprint: Sha256
    card: Card
    submitted: bool = False
    counterexamples: list[CounterexampleLine] = Field(default_factory=list, max_length=10_000)

    @field_serializer("card")
    def _plain(self, card: Card) -> dict[str, Any]:
        # Not mode="json", as for the line. JSON has no addresses.
        texts = {name: str(found) for name in ("url", "paper") if (found := getattr(card, name))}
        return card.model_dump() | texts

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        if not self.counterexamples:
            content.pop("counterexamples", None)
        return content


class RerunLine(Line):
    """A rerun of a result, see :class:`leaderboard.store.Rerun`."""

    by: Annotated[str, Field(min_length=1, max_length=200)]
    created: Annotated[str, Field(max_length=40)]
    same: bool
    largest_difference: float | None
    differing: Count
    outcomes: Count
    device: Annotated[str, Field(max_length=100)]
    threads: Annotated[int, Field(ge=1, le=2**16)]
    versions: dict[str, str] = Field(default_factory=dict, max_length=50)
    circumstances: list[Text] = Field(default_factory=list, max_length=100)
    note: Text = ""


class ResultLine(Line):
    """The result of a probe on a model, battery, data and seed.

    Attributes:
        provenance: of the result; its hashes and seed are the key.
        content: the :class:`benchmark.results.ProbeResult`, without its outcomes.
        outcomes: by name.
        reruns: reruns of the result, oldest first.
    """

    provenance: Provenance
    content: dict[str, Any]
    outcomes: dict[Name, OutcomeBits]
    reruns: list[RerunLine] = Field(default_factory=list, max_length=1000)


class End(Line):
    """The last line: the SHA-256 of all bytes before it, after decompression."""

    sha256: Sha256
