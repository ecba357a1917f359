"""The boards: one per battery and data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from benchmark.batteries import stored_headline_threats
from benchmark.headline import NAME, headline_sentence
from benchmark.probes import PROBES
from benchmark.threats import AnyThreat, labels
from leaderboard.board.cell_texts import RANK_MEANING, rank_example
from leaderboard.board.columns import Column, columns_of
from leaderboard.board.editions import DIGITS, edition, is_earlier
from leaderboard.board.overview import input_weight_scatter
from leaderboard.board.ranking import Ranking
from leaderboard.board.reported import ReportedTable, reported_tables
from leaderboard.board.rows import TEMPLATE_CELL, Cell, Row, make_rows, ranking_of, template_row
from leaderboard.board.threats import Threat, threats_of
from leaderboard.charts.curves import Picture
from leaderboard.charts.svg import Painter
from leaderboard.formatting.slugs import slug
from leaderboard.formatting.texts import probe_text
from leaderboard.reported import ReportedRow
from leaderboard.store import Summary
from leaderboard.store.summaries import NONSINGULAR
from models_zoo.text_sets import TEXT_SETS


@dataclass(frozen=True)
class Board:
    """All models scored with one battery on one data set.

    Attributes:
        name: of its files and its section, unique on the site.
        battery: the battery's name.
        battery_sha256: hash of the battery's content.
        data_sha256: hash of the examples.
        examples: number of examples.
        own_data: whether they are other images than the first ones of the battery's data set;
            ``None`` if that was not recorded.
        description: the battery's own.
        battery_page: path of the battery's page.
        columns: headline scores that at least one of its models has; the first orders the rows.
        rows: best first.
        ranking: how many pairs of models differ.
        checked: whether the checks probe was run on any of its models.
        budgets: the battery's headline budgets: title of a probe, and its budgets as text.
        headline: what an example has to survive to count in non-singular robust accuracy.
        threats: the threats that a reader can choose.
        picture: chart of input against weight robust accuracy.
        prescribed: number of examples that the battery says; ``None`` if it is all of the data set.
        is_trial: whether it has too few examples for a place on the front page.
        reported: rows under its threat that are reported elsewhere, a table for each source.
        example: what an example is, ``"image"`` or ``"text"``.
        entry: what a row is about, ``"model"`` or ``"method"`` of training, whose differences are
            over its runs.
        edition: what tells it from other boards of its battery; empty where nothing has to.
    """

    name: str
    battery: str
    battery_sha256: str
    data_sha256: str
    examples: int
    own_data: bool | None
    description: str
    battery_page: str
    columns: list[Column]
    rows: list[Row]
    ranking: Ranking
    checked: bool
    budgets: list[tuple[str, str]]
    headline: str
    threats: list[Threat]
    picture: Picture | None
    prescribed: int | None = None
    is_trial: bool = False
    reported: Sequence[ReportedTable] = ()
    example: str = "image"
    entry: str = "model"
    edition: str = ""

    @property
    def has_headline(self) -> bool:
        """Whether any of its models has non-singular robust accuracy; models of texts have none."""
        return any(column.probe == NAME for column in self.columns)

    @property
    def flagged(self) -> bool:
        """Whether a check raised a flag on any of its models."""
        return any(row.summary.flags for row in self.rows)

    @property
    def attributed(self) -> bool:
        """Whether it is known of any of its models which adversary of the headline costs most."""
        return any(row.costliest for row in self.rows)

    @property
    def scored(self) -> str:
        """How many models were scored on how many images, as a sentence."""
        models = len({row.summary.fingerprint for row in self.rows})
        count = f"{models:,} {self.entry}{'s' if models != 1 else ''}"
        if models != len(self.rows):
            count = f"{len(self.rows):,} results of {count}"
        images = f"{self.examples:,} {self.example}{'s' if self.examples != 1 else ''}"
        fewer = self.prescribed is not None and self.examples < self.prescribed
        instead = f" instead of {self.prescribed:,}" if fewer else ""
        return f"{count}, scored on {images}{instead}."

    @property
    def rank_example(self) -> str:
        """What a rank means, by one of the board's own if one is a range."""
        for row in self.rows:
            rank = row.rank
            if rank and rank.shared and rank.better and rank.worse and not rank.widened:
                return rank_example(rank)
        return f"{RANK_MEANING}."

    @property
    def template_row(self) -> Row:
        """What the board's script makes rows of."""
        return template_row(self.rows[0])

    @property
    def template_cell(self) -> Cell:
        """What the board's script makes cells of further scores of."""
        return TEMPLATE_CELL

    @property
    def threat_groups(self) -> list[tuple[str, list[Threat]]]:
        """The threats by probe."""
        return [(name, list(group)) for name, group in groupby(self.threats, lambda t: t.group)]


def make_boards(
    summaries: Sequence[Summary],
    batteries: dict[str, dict[str, Any]],
    model_pages: dict[str, str],
    battery_pages: dict[str, str],
    painter: Painter,
    min_examples: int = 0,
    reported: Sequence[ReportedRow] = (),
) -> list[Board]:
    """Make all boards, those of batteries with the headline first.

    Then they are sorted by battery name, and by number of models, most first. Boards of an earlier
    version of a battery come after those of the present one, and trials after others of the same.

    Args:
        summaries: stored results on test examples.
        batteries: content of each battery, by hash.
        model_pages: path of a model's page, by fingerprint.
        battery_pages: path of a battery's page, by hash.
        painter: draws the pictures.
        min_examples: boards with fewer examples are trials, unless all would be.
        reported: what others report of models; a board has the rows under its threat.
    """

    def key(summary: Summary) -> tuple[str, str, str]:
        return summary.battery, summary.battery_sha256, summary.data_sha256

    groups = [list(group) for _, group in groupby(sorted(summaries, key=key), key=key)]
    trials = {key(group[0]) for group in groups if group[0].examples < min_examples}
    if len(trials) == len(groups):
        trials = set()
    with_headline = {each.battery for each in summaries if NONSINGULAR in each.scores}

    def place(group: Sequence[Summary]) -> tuple[bool, str, bool, bool, int]:
        battery = group[0].battery
        return (
            battery not in with_headline,
            battery,
            is_earlier(battery, group[0].battery_sha256),
            key(group[0]) in trials,
            -len(group),
        )

    groups.sort(key=place)
    names: set[str] = set()
    boards = []
    for group in groups:
        first = group[0]
        name = slug(first.battery)
        if name in names:
            name = f"{name}-{first.battery_sha256[:DIGITS]}-{first.data_sha256[:DIGITS]}"
        names.add(name)
        content = batteries[first.battery_sha256]
        ranking = ranking_of(group)
        columns = columns_of(group, content)
        headline_threats = _as_written(stored_headline_threats(content), group)
        example = "text" if content.get("dataset") in TEXT_SETS else "image"
        boards.append(
            Board(
                name=name,
                battery=first.battery,
                battery_sha256=first.battery_sha256,
                data_sha256=first.data_sha256,
                examples=first.examples,
                own_data=_own_data(group),
                description=str(content.get("description", "")),
                battery_page=battery_pages[first.battery_sha256],
                columns=columns,
                rows=make_rows(group, columns, model_pages, ranking),
                ranking=ranking,
                checked=any(summary.flags is not None for summary in group),
                budgets=_budgets(content, headline_threats),
                headline=headline_sentence(headline_threats),
                threats=threats_of(group),
                picture=input_weight_scatter(group, painter, headline_threats, model_pages),
                prescribed=_prescribed(content),
                is_trial=key(first) in trials,
                example=example,
                entry="method" if _is_of_methods(content) else "model",
                edition=edition(group, groups, example),
                reported=reported_tables(
                    reported, content.get("dataset"), headline_threats, group, model_pages
                ),
            )
        )
    return boards


def _prescribed(battery: Mapping[str, Any]) -> int | None:
    """Number of examples that a battery says; it is stored as it came."""
    examples = battery.get("examples")
    return examples if isinstance(examples, int) else None


def _is_of_methods(battery: Mapping[str, Any]) -> bool:
    """Whether all probes of a battery train models themselves; it is stored as it came."""
    names = battery.get("default")
    known = [PROBES.get(name) for name in names] if isinstance(names, list) else []
    return bool(known) and all(probe is not None and probe.takes_methods for probe in known)


def _own_data(summaries: Sequence[Summary]) -> bool | None:
    """Whether the examples, which are the same for all, are not those of the data set.

    Those of a file may not have been recognized, while another run loaded them by name.
    """
    known = {each.own_data for each in summaries if each.own_data is not None}
    return all(known) if known else None


def _as_written(
    threats: Mapping[str, Sequence[AnyThreat]], summaries: Sequence[Summary]
) -> dict[str, list[AnyThreat]]:
    """Threats with the texts of their budgets, where an outcome is about an equal threat.

    A battery is stored with plain numbers; outcomes keep how the battery wrote its budgets.
    """
    written = {
        kind.threat.key: kind.threat
        for summary in summaries
        for by_name in summary.kinds.values()
        for kind in by_name.values()
        if kind.threat is not None
    }
    return {
        probe: [written.get(threat.key, threat) for threat in own] for probe, own in threats.items()
    }


def _budgets(
    battery: dict[str, Any], threats: Mapping[str, Sequence[AnyThreat]]
) -> list[tuple[str, str]]:
    """The headline budgets of a battery's default probes, by the probe's title."""
    return [
        (probe_text(probe).title, labels(threats[probe]))
        for probe in battery.get("default", ())
        if probe in threats
    ]
