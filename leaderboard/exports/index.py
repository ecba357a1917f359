"""``results.json``: every board of a site with its models and their headline scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from benchmark.results import ScoreSpec
from benchmark.serialization import plain_score
from leaderboard.board import Board
from leaderboard.board.card_columns import CARD_COLUMNS
from leaderboard.exports.record import SCHEMA_VERSION, Published, ScoreRecord
from leaderboard.formatting.texts import probe_texts


class RowRecord(Published):
    """A model on a board.

    Attributes:
        rank: 1 plus the number of significantly better models; ``null`` without the score.
        rank_last: the number of models less that of significantly worse ones.
        tied: whether the two differ.
        page: path of its page within the site; ``record.json`` is in the same folder.
        costs: number of examples, of those that are right when clean, that each adversary of the
            headline breaks, by its probe; empty where one of them was not run.
        facts: what the card states, by the name of the column; those above among them.
        scores: by ``<probe>.<score>``.
    """

    model: str
    fingerprint: str
    rank: int | None
    rank_last: int | None = None
    tied: bool
    page: str
    recipe: str
    architecture: str
    parameters: int | None
    source: str
    submitted: bool
    seed: int
    flags: int | None
    costs: dict[str, int] = Field(default_factory=dict)
    facts: dict[str, str | int | None] = Field(default_factory=dict)
    scores: dict[str, ScoreRecord]


class BoardRecord(Published):
    """All models scored with one battery on one data set, best first.

    Attributes:
        headline: what an example has to survive to count in non-singular robust accuracy.
        own_data: whether the examples are other images than the first ones of the battery's data
            set; ``null`` if that was not recorded.
    """

    name: str
    battery: str
    battery_sha256: str
    data_sha256: str
    examples: int
    headline: str = ""
    own_data: bool | None = None
    models: list[RowRecord]


class ProbeRecord(Published):
    """The question of a probe and the meaning of its scores."""

    title: str
    question: str
    scores: dict[str, ScoreSpec]


class Index(Published):
    """A summary of the site; all results of a model are in its ``record.json``.

    Attributes:
        licence: of the results, as the owner of the site states it: a name or an address.
    """

    schema_version: Literal[2] = SCHEMA_VERSION
    probes: dict[str, ProbeRecord]
    boards: list[BoardRecord]
    licence: str = ""


def index_of(boards: Sequence[dict[str, Any]], licence: str = "") -> dict[str, Any]:
    """The content of ``results.json``, as :class:`Index` describes it.

    Args:
        boards: each as :func:`board_of` returns it.
        licence: of the results; empty if it is not stated.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "probes": {
            text.name: {
                "title": text.title,
                "question": text.question,
                "scores": {name: spec.model_dump() for name, spec in text.scores.items()},
            }
            for text in probe_texts().values()
        },
        "boards": list(boards),
        "licence": licence,
    }


def board_of(board: Board) -> dict[str, Any]:
    """One board, as :class:`BoardRecord` describes it, with infinities still in it."""
    return {
        "name": board.name,
        "battery": board.battery,
        "battery_sha256": board.battery_sha256,
        "data_sha256": board.data_sha256,
        "examples": board.examples,
        "headline": board.headline,
        "own_data": board.own_data,
        "models": [
            {
                "model": row.summary.card.name,
                "fingerprint": row.summary.fingerprint,
                "rank": row.rank.number if row.rank else None,
                "rank_last": row.rank.last if row.rank else None,
                "tied": row.rank.shared if row.rank else False,
                "page": row.page,
                "recipe": row.summary.card.recipe,
                "architecture": row.summary.card.architecture,
                "parameters": row.summary.card.parameters,
                "source": row.summary.card.source,
                "submitted": row.summary.submitted,
                "seed": row.summary.seed,
                "flags": row.summary.flags,
                "costs": {member.probe: member.lost for member in row.members},
                "facts": {
                    column.key: column.value(row.summary.card)
                    for column in CARD_COLUMNS
                    if column.exported
                },
                "scores": {
                    column.key: plain_score(row.summary.scores[column.key])
                    for column in board.columns
                    if column.key in row.summary.scores
                },
            }
            for row in board.rows
        ],
    }
