"""The result of a unit as a message from the sandbox: hostile, until it has been checked."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmark.batteries import Battery
from benchmark.interval_kinds import INTERVALS_VERSION
from benchmark.probes import PROBES
from benchmark.probes.divisible import require_joinable
from benchmark.processor import processor
from benchmark.provenance import versions
from benchmark.results import Isolation, ProbeResult, Provenance
from benchmark.shards import ShardResult
from leaderboard.jobs.assignment import Assignment
from leaderboard.jobs.computing import Answer
from leaderboard.sandbox import SandboxError
from leaderboard.store import encoding
from leaderboard.store.reading import checked_result, require_shares
from models_zoo.card import Card
from models_zoo.errors import first_problem, reason_of, shown

Name = Annotated[str, Field(pattern=r"^[!-~](?:[ -~]{0,98}[!-~])?$")]


class Bits(BaseModel):
    """An outcome.

    Attributes:
        n: number of examples.
        bits: ceil(n / 8) bytes in base64, the first example in the highest bit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    n: Annotated[int, Field(ge=0, le=10_000_000)]
    bits: str


class Message(BaseModel):
    """What the sandbox says of a unit; of the provenance only what its parent does not know.

    Attributes:
        card: of the model.
        examples: number of examples.
        checkpoint_sha256: SHA-256 of the checkpoint file, if there is one. That of a file that was
            given to the sandbox is known outside.
        content: the :class:`benchmark.results.ProbeResult`, without its outcomes; ``None`` for a
            shard.
        outcomes: by name.
        shard: what was found on a shard; ``None`` for a result.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    card: Card
    examples: Annotated[int, Field(ge=1, le=10_000_000)]
    checkpoint_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None
    content: dict[str, Any] | None = None
    outcomes: dict[Name, Bits] = Field(default_factory=dict)
    shard: ShardResult | None = None


def to_message(answer: Answer) -> dict[str, Any]:
    """An answer as plain data; floats keep every bit."""
    said = {
        "card": answer.card.model_dump(mode="json"),
        "examples": answer.provenance.examples,
        "checkpoint_sha256": answer.provenance.checkpoint_sha256,
    }
    if isinstance(answer.found, ShardResult):
        return said | {"shard": answer.found.model_dump(mode="json")}
    outcomes = {
        name: Bits(n=bits.size, bits=b64encode(encoding.pack(bits)).decode("ascii")).model_dump()
        for name, bits in answer.found.outcomes.items()
    }
    # not mode="json": that turns an infinity into null
    return said | {"content": answer.found.model_dump(), "outcomes": outcomes}


def from_message(
    content: dict[str, Any],
    task: Assignment,
    battery: Battery,
    *,
    isolation: Isolation,
    checkpoint_sha256: str | None = None,
) -> Answer:
    """The answer of a message.

    Args:
        content: what the sandbox has sent.
        task: the unit that it was asked for.
        battery: its battery.
        isolation: the level of the sandbox.
        checkpoint_sha256: SHA-256 of the checkpoint file, if the sandbox was given one.

    Raises:
        SandboxError: it is not an answer to that unit.
    """
    try:
        if "\\u0000" in json.dumps(content):
            raise ValueError("a text has a null character")
        message = Message.model_validate(content)
        _require_card(message.card, task)
        if checkpoint_sha256 not in (None, message.checkpoint_sha256):
            raise ValueError("it is of another checkpoint")
        provenance = Provenance(
            fingerprint=task.fingerprint,
            checkpoint_sha256=message.checkpoint_sha256,
            data_sha256=task.data_sha256,
            examples=message.examples,
            split="train" if task.split == "train" else "test",
            own_data=task.unknown_data,
            battery=battery.name,
            battery_sha256=battery.sha256,
            algorithms=battery.algorithms,
            intervals=INTERVALS_VERSION,
            seed=task.seed,
            device=task.device,
            threads=torch.get_num_threads(),
            versions=versions(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            isolation=isolation,
            processor=processor(task.device),
        )
        found = _result(message, provenance) if task.shard is None else _shard(message, task)
        if found.probe != task.probe:
            raise ValueError(f"it is of the probe {shown(found.probe)}")
    except ValidationError as error:
        place, reason, _ = first_problem(error)
        raise _refused(f"{shown(place)}: {reason}") from error
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise _refused(reason_of(error)) from error
    return Answer(message.card, provenance, found)


def _result(message: Message, where: Provenance) -> ProbeResult:
    """The result that a message has.

    Raises:
        ValueError: there is none, or it cannot be the result of an evaluation.
    """
    if message.content is None:
        raise ValueError("it has no result")
    outcomes = {
        name: encoding.unpack(b64decode(each.bits, validate=True), each.n)
        for name, each in message.outcomes.items()
    }
    result = checked_result(message.content, outcomes, where)
    require_shares(result)
    return result


def _shard(message: Message, task: Assignment) -> ShardResult:
    """What a message says of a shard.

    Raises:
        ValueError: it says nothing, or not of that shard.
    """
    found = message.shard
    if found is None or task.shard is None or found.shard != task.shard:
        raise ValueError("it is not of that shard")
    if found.examples != len(task.shard.rows(message.examples)):
        raise ValueError(f"it has {found.examples} of {message.examples} examples")
    require_joinable(PROBES[task.probe], found)
    return found


def _require_card(card: Card, task: Assignment) -> None:
    """Check that a card is that of the model.

    Raises:
        ValueError: it is not.
    """
    if card.name != task.name:
        raise ValueError(f"the card is of {shown(card.name)}")
    for text in (card.name, card.dataset, card.architecture):
        if not text.isprintable() or len(text) > 200:
            raise ValueError(f"the text {shown(text)} is too long or does not print")


def _refused(reason: str) -> SandboxError:
    return SandboxError(f"the process in the sandbox sent no usable result ({reason})")
