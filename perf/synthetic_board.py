"""A store of synthetic models: scores, outcomes and flags as the digits battery gives them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import func, insert, select

from benchmark.batteries import load_battery
from benchmark.budgets import Budget
from benchmark.interval_kinds import INTERVALS_VERSION
from benchmark.probes import PROBES
from benchmark.results import Flag, Outcome, ProbeResult, Score
from benchmark.statistics import proportion
from benchmark.threats import BitErrorThreat, InputThreat, JointThreat, Threat, WeightThreat
from leaderboard.store import Store
from leaderboard.store.rows import count_raised_flags, outcome_columns
from leaderboard.store.schema import ModelRow, OutcomeRow, ResultRow, ScoreRow
from models_zoo.card import Card, Training

EXAMPLES = 600
_RECIPES = ("standard", "pgd-at", "trades", "mart", "at-awp", "label-smoothing")
_ARCHITECTURES = ("resnet18", "wrn-28-10", "vit-small", "convnext-tiny", "cnn", "mlp")
_BATCH = 500


def fill(database: str | Path, models: int, seed: int = 0) -> None:
    """Make a database of ``models`` models under ``digits-v1``.

    Every model has all scores of the battery's default probes, with intervals; outcomes of every
    example at every budget of the clean, input, weight, joint and bit probes; and the flags. It has
    no curves, surfaces or images.

    Args:
        database: an SQLite file that does not exist yet, or the URL of an empty database.
        models: number of models.
        seed: of the random numbers.
    """
    store = Store.open(database)
    generator = np.random.default_rng(seed)
    battery = load_battery("digits-v1")
    content = battery.model_dump(mode="json")
    now = datetime.now(UTC).replace(tzinfo=None)
    number = 0
    for begin in range(0, models, _BATCH):
        rows: dict[Any, list[dict[str, Any]]] = {
            kind: [] for kind in (ModelRow, ResultRow, ScoreRow, OutcomeRow)
        }
        for index in range(begin, min(begin + _BATCH, models)):
            card = _card(index, generator)
            fingerprint = hashlib.sha256(card.name.encode()).hexdigest()
            rows[ModelRow].append(
                {
                    "fingerprint": fingerprint,
                    "name": card.name,
                    "card": card.model_dump(mode="json"),
                    "checkpoint_sha256": None,
                    "submitted": True,
                    "first_seen": now,
                }
            )
            provenance = _provenance(fingerprint, battery.sha256)
            for result in _results(battery.default, content["probes"], generator):
                number += 1
                rows[ResultRow].append(
                    {
                        "id": number,
                        "fingerprint": fingerprint,
                        "battery_sha256": battery.sha256,
                        "data_sha256": provenance["data_sha256"],
                        "seed": 0,
                        "probe": result.probe,
                        "battery": battery.name,
                        "battery_content": content,
                        "payload": result.model_dump(),
                        "raised_flags": count_raised_flags(result),
                        "provenance": provenance,
                        "created": now,
                    }
                )
                rows[ScoreRow] += [
                    {"result_id": number, "name": name} | score.model_dump()
                    for name, score in result.scores.items()
                ]
                rows[OutcomeRow] += [
                    {"result_id": number} | columns for columns in outcome_columns(result)
                ]
        with store.engine.begin() as connection:
            for kind, values in rows.items():
                connection.execute(insert(kind), values)
    if store.engine.dialect.name == "postgresql":
        with store.engine.begin() as connection:  # the numbers above were not taken from it
            sequence = func.pg_get_serial_sequence(ResultRow.__tablename__, "id")
            connection.execute(select(func.setval(sequence, number)))
    store.engine.dispose()


def _card(index: int, generator: np.random.Generator) -> Card:
    recipe = _RECIPES[index % len(_RECIPES)]
    architecture = _ARCHITECTURES[int(generator.integers(len(_ARCHITECTURES)))]
    return Card(
        name=f"digits/{architecture}-{recipe}-{index:05d}",
        dataset="digits",
        architecture=architecture,
        input_shape=(1, 8, 8),
        mean=(0.5,),
        std=(0.25,),
        source="submitted",
        parameters=int(10 ** generator.uniform(4, 8)),
        paper=f"https://arxiv.org/abs/{18 + index % 9}{1 + index % 12:02d}.{index:05d}",
        training=Training(recipe=recipe, data="digits training split", extra_data=index % 7 == 0),
    )


def _provenance(fingerprint: str, battery_sha256: str) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint,
        "checkpoint_sha256": None,
        "data_sha256": "d" * 64,
        "examples": EXAMPLES,
        "split": "test",
        "battery": "digits-v1",
        "battery_sha256": battery_sha256,
        "intervals": INTERVALS_VERSION,
        "seed": 0,
        "device": "cpu",
        "threads": 1,
        "versions": {"python": "3.11.7", "nonsingular": "0.1.0", "torch": "2.14.1"},
        "created": "2026-01-02T03:04:05+00:00",
    }


def _results(
    probes: tuple[str, ...], settings: dict[str, Any], generator: np.random.Generator
) -> Iterator[ProbeResult]:
    limits = generator.uniform(0, 1, (3, EXAMPLES))
    strength = generator.uniform(0.05, 1, 2)
    right = generator.uniform(size=EXAMPLES) < generator.uniform(0.85, 0.99)

    def inputs(share: float) -> Any:
        return right & (limits[0] > share * (1 - strength[0]))

    def weights(share: float) -> Any:
        return right & (limits[1] > share * (1 - strength[1]))

    def budgets(found: dict[Threat, Any]) -> dict[str, Outcome]:
        return {threat.key: Outcome(bits, "budget", threat) for threat, bits in found.items()}

    def headline(bits: Any, threat: Threat | None) -> dict[str, Outcome]:
        return {"headline": Outcome(bits, "headline", threat)}

    linf = InputThreat("linf", Budget(0.2))
    l2 = InputThreat("l2", Budget(0.3))
    radius = WeightThreat("relative-l2", Budget(0.02))
    outcomes = {
        "clean": headline(right, None),
        "input": headline(inputs(1), linf)
        | budgets({linf.at(eps): inputs(eps / 0.2) for eps in settings["input"]["linf"]})
        | budgets({l2: inputs(0.6), l2.at(0.6): inputs(0.9)}),
        "weight": headline(weights(0.4), radius)
        | budgets({radius.at(r): weights(r / 0.05) for r in settings["weight"]["radii"]}),
        "joint": headline(inputs(0.5) & weights(0.4), JointThreat(linf, radius))
        | budgets(
            {
                JointThreat(linf.at(eps), radius.at(r)): inputs(eps / 0.2) & weights(r / 0.05)
                for eps in settings["joint"]["linf"]
                for r in settings["joint"]["radii"]
            }
        ),
        "bits": headline(right & (limits[2] > 0.6), BitErrorThreat(Budget(0.01))),
    }
    for probe in probes:
        found = outcomes.get(probe, {})
        scores = {name: _score(spec.unit, generator) for name, spec in PROBES[probe].scores.items()}
        if found and "robust_accuracy" in scores:
            scores["robust_accuracy"] = proportion(found["headline"].robust)
        if probe == "clean":
            scores["accuracy"] = proportion(right)
        flags = [_flag(number, generator) for number in range(8)] if probe == "checks" else []
        protocol = {"ball": "linf", "steps": 100, "restarts": 1, "verified in": "float32"}
        result = ProbeResult(probe=probe, scores=scores, flags=flags, protocol=protocol)
        yield result.with_outcomes(found)


def _score(unit: str, generator: np.random.Generator) -> Score:
    value = float(generator.uniform())
    scale = 1.0 if unit == "share" else 3.0
    return Score(
        value=scale * value, n=EXAMPLES, low=scale * value * 0.9, high=scale * min(1, value * 1.1)
    )


def _flag(number: int, generator: np.random.Generator) -> Flag:
    return Flag(
        name=f"check_{number}",
        title="Gradients vanish on many examples",
        raised=bool(generator.uniform() < 0.02),
        figure=float(generator.uniform()),
        saw="The gradient of the loss is zero on 0.2% of the examples; the limit is 5%.",
        advice="Attack with a search that needs no gradients.",
    )
