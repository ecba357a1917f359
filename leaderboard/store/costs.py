"""What stored results cost, to estimate how long others take."""

from __future__ import annotations

from collections import defaultdict
from statistics import median

from sqlalchemy import ColumnElement, Engine, select
from sqlalchemy.orm import Session

from benchmark.results import Cost
from leaderboard.store.schema import ModelRow, ResultRow

MAX_RATIO = 2.0
"""Largest ratio of the numbers of examples of two results whose costs are compared. Many probes use
a fixed number of the examples, so that costs are proportional to their number over a short range
only."""

NEWEST = 500
"""Number of results that are read, the newest: results of the same machine as a new one."""


def read_costs(
    engine: Engine,
    architecture: str,
    battery_sha256: str,
    examples: int,
    device: str,
    readable: list[ColumnElement[bool]],
) -> dict[str, Cost]:
    """What each probe of a battery usually costs, by probe.

    The median over models of the same architecture if there are any, otherwise over all models; for
    this number of examples.

    Args:
        engine: a database.
        architecture: of the model that is to be scored.
        battery_sha256: hash of the battery.
        examples: number of examples that it is to be scored on.
        device: where.
        readable: conditions that exclude results that cannot be read.
    """
    costs: dict[bool, dict[str, list[Cost]]] = {True: defaultdict(list), False: defaultdict(list)}
    columns = (
        ResultRow.probe,
        ResultRow.payload["cost"],
        ResultRow.provenance["examples"],
        ResultRow.provenance["device"],
        ModelRow.card["architecture"],
    )
    query = select(*columns).join(ResultRow.model)
    query = query.where(ResultRow.battery_sha256 == battery_sha256, *readable)
    query = query.order_by(ResultRow.id.desc()).limit(NEWEST)
    with Session(engine) as session:
        for probe, spent, count, where, name in session.execute(query):
            cost = Cost.model_validate(spent)
            near = count > 0 and 1 / MAX_RATIO <= examples / count <= MAX_RATIO
            if near and where == device and cost.seconds > 0 and cost.forwards > 0:
                costs[name == architecture][probe].append(_times(cost, examples / count))
    known = costs[True] or costs[False]
    return {probe: _median(each) for probe, each in known.items()}


def _times(cost: Cost, factor: float) -> Cost:
    """The cost of more or fewer examples."""
    return Cost(
        seconds=factor * cost.seconds,
        forwards=round(factor * cost.forwards),
        backwards=round(factor * cost.backwards),
    )


def _median(costs: list[Cost]) -> Cost:
    return Cost(
        seconds=median(cost.seconds for cost in costs),
        forwards=round(median(cost.forwards for cost in costs)),
        backwards=round(median(cost.backwards for cost in costs)),
    )
