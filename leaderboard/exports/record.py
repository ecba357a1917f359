"""``record.json``: everything that the site shows of one model, for programs.

The classes define the file; its JSON Schema is generated from them (:mod:`.schema`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from benchmark.results import Flag, OutcomeKind, ProbeResult, Provenance, Role, Score, Thumbnail
from benchmark.serialization import plain_result
from benchmark.threats import AnyThreat, JointThreat
from leaderboard.formatting.json_text import json_text
from leaderboard.formatting.texts import number, probe_text
from leaderboard.reruns.command_lines import reproduce_commands
from leaderboard.reruns.verification import verification_of
from leaderboard.store import Entry, Summary
from models_zoo.card import Card

SCHEMA_VERSION: Literal[2] = 2
"""Increased when readers of the files have to change; added fields do not increase it."""

Number = float | None
"""``null`` for numbers that JSON cannot write: infinities and NaN."""


class Published(BaseModel):
    """Part of a published file."""

    model_config = ConfigDict(extra="forbid")


class ScoreRecord(Published):
    """A score.

    Attributes:
        value: in the unit of the score, see ``results.json``.
        n: number of examples or draws.
        low: lower end of the 95% interval; ``null`` where there is none, for the reason that the
            meaning of the score in ``results.json`` gives.
        high: upper end.
        text: the value as text, if JSON cannot write it.
    """

    value: Number
    n: int
    low: Number
    high: Number
    text: str | None = None


class CurveRecord(Published):
    """Scores over budgets; curves with the same picture are one chart.

    Attributes:
        unit: of the scores.
        role: what the scores are for.
        threat: the threat at the last budget.
    """

    picture: str
    series: str
    x_label: str
    y_label: str
    x: list[Number]
    x_text: list[str]
    y: list[ScoreRecord]
    unit: str = ""
    role: Role | None = None
    threat: AnyThreat | None = None


class SurfaceRecord(Published):
    """Scores over pairs of budgets: ``z[i][j]`` belongs to ``y[i]`` and ``x[j]``.

    Attributes:
        unit: of the scores.
        role: what the scores are for.
        threat: the threat at the largest budgets.
    """

    picture: str
    x_label: str
    y_label: str
    z_label: str
    x: list[Number]
    y: list[Number]
    x_text: list[str]
    y_text: list[str]
    z: list[list[Number]]
    unit: str = ""
    role: Role | None = None
    threat: JointThreat | None = None


class BarsRecord(Published):
    """Scores of named things, such as layers.

    Attributes:
        unit: of the scores.
        role: what the scores are for.
        threat: the threat that all of them are about, where there is one.
    """

    picture: str
    series: str
    x_label: str
    y_label: str
    names: list[str]
    y: list[ScoreRecord]
    unit: str = ""
    role: Role | None = None
    threat: AnyThreat | None = None


class CostRecord(Published):
    """Cost of a result: wall time, images forward and backward, peak memory in bytes."""

    seconds: float
    forwards: int
    backwards: int
    peak_memory: int


class RerunRecord(Published):
    """A rerun of a result, see :class:`leaderboard.store.Rerun`."""

    by: str
    created: str
    same: bool
    largest_difference: Number
    differing: int
    outcomes: int
    device: str
    threads: int
    versions: dict[str, str]
    circumstances: list[str]
    imported: bool
    note: str


class ResultRecord(Published):
    """The result of a probe.

    Attributes:
        scores: by name.
        shown: the same scores as the pages show them.
        outcomes: whether each example was classified correctly, as a string of ``0`` and ``1``.
        outcome_kinds: what each of the outcomes is about, by the same names.
        share_of: scores that are the share of examples in an outcome: its name by the score's.
        headline_threats: the threats that the scores are about.
        values: numbers per example.
        left_out: why the probe was not run; there are no scores then.
        algorithm: version of the probe's algorithm; scores of two versions are not comparable.
        provenance: of the result; missing if it is derived from other results.
        standing: whether the result was measured here or imported, and whether reruns confirmed it.
        reruns: the reruns, oldest first, with their agreement.
        reproduce: the command that reproduces the numbers.
    """

    probe: str
    scores: dict[str, ScoreRecord]
    shown: dict[str, str]
    outcomes: dict[str, str]
    outcome_kinds: dict[str, OutcomeKind] = Field(default_factory=dict)
    share_of: dict[str, str] = Field(default_factory=dict)
    headline_threats: list[AnyThreat] = Field(default_factory=list)
    values: dict[str, list[Number]]
    curves: list[CurveRecord]
    surfaces: list[SurfaceRecord]
    bars: list[BarsRecord]
    thumbnails: list[Thumbnail]
    flags: list[Flag]
    protocol: dict[str, Any]
    cost: CostRecord
    left_out: str | None = None
    standing: Literal["measured", "imported", "rerun", "rerun-differs", "self-reported"]
    algorithm: int = 1
    provenance: Provenance | None = None
    reruns: list[RerunRecord] = Field(default_factory=list)
    reproduce: str


class EvaluationRecord(Published):
    """One battery, data set and seed.

    Attributes:
        battery: the battery's name.
        battery_sha256: hash of its content.
        own_data: whether the examples are other images than the first ones of the battery's data
            set; ``null`` if that was not recorded.
        settings: its content, as it was.
        results: by probe; ``nonsingular`` is derived from the others.
    """

    battery: str
    battery_sha256: str
    data_sha256: str
    examples: int
    split: Literal["train", "test"]
    own_data: bool | None = None
    seed: int
    settings: dict[str, Any]
    results: dict[str, ResultRecord]


class ModelRecord(Published):
    """One model with everything that is stored of it."""

    schema_version: Literal[2] = SCHEMA_VERSION
    model: Card
    fingerprint: str
    submitted: bool
    evaluations: list[EvaluationRecord] = Field(min_length=1)


def record_of(
    entries: Sequence[Entry], namesakes: Sequence[Entry | Summary] = ()
) -> dict[str, Any]:
    """The content of a model's ``record.json``, as :class:`ModelRecord` describes it.

    Args:
        entries: all of one model, at least one.
        namesakes: stored results of other models with the same name, which commands must exclude.
    """
    first = entries[0]
    among: list[Entry | Summary] = [*entries, *namesakes]
    return {
        "schema_version": SCHEMA_VERSION,
        "model": first.card.model_dump(mode="json"),
        "fingerprint": first.provenance.fingerprint,
        "submitted": first.submitted,
        "evaluations": [_evaluation(entry, among) for entry in entries],
    }


def record_text(record: dict[str, Any]) -> str:
    """A record as the text of its file."""
    return f"{json_text(record)}\n"


def _evaluation(entry: Entry, among: Sequence[Entry | Summary]) -> dict[str, Any]:
    where = entry.provenance
    commands = reproduce_commands(entry, among)
    return {
        "battery": where.battery,
        "battery_sha256": where.battery_sha256,
        "data_sha256": where.data_sha256,
        "examples": where.examples,
        "split": where.split,
        "own_data": where.own_data,
        "seed": where.seed,
        "settings": entry.battery,
        "results": {
            probe: _result(entry, result) | {"reproduce": commands[probe]}
            for probe, result in entry.answers.items()
        },
    }


def _result(entry: Entry, result: ProbeResult) -> dict[str, Any]:
    text = probe_text(result.probe, entry.battery)
    content = plain_result(result)
    content["shown"] = {
        name: shown(score, text.spec(name).unit) for name, score in result.scores.items()
    }
    content["standing"] = verification_of(entry, result.probe).kind
    if result.probe in entry.provenances:
        where = entry.provenances[result.probe]
        content["algorithm"] = where.algorithm(result.probe)
        content["provenance"] = where.model_dump()
    if result.probe in entry.reruns:
        content["reruns"] = [asdict(rerun) for rerun in entry.reruns[result.probe]]
    return content


def shown(score: Score, unit: str) -> str:
    """A score as a page shows it, without its interval."""
    named = unit if unit in ("nats", "radius", "loss") and math.isfinite(score.value) else ""
    return f"{number(score.value, unit)} {named}".strip()
