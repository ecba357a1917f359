"""The report of an evaluation as notebooks and scripts use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.batteries import Battery
from benchmark.report import Report as PlainReport
from benchmark.results import Provenance, Score, ScoreSpec
from leaderboard.board import Board
from leaderboard.exports.latex_table import latex_table
from leaderboard.exports.markdown_table import markdown_table
from leaderboard.exports.paper_table import paper_table
from leaderboard.exports.selection import select_board
from leaderboard.formatting.texts import number
from leaderboard.store import Entry, Store
from models_zoo.card import Card
from models_zoo.display import label
from models_zoo.errors import InputError, refusing, unknown_name
from nonsingular.documented import documented_scores
from nonsingular.extras import required

if TYPE_CHECKING:
    import pandas as pd

    from nonsingular.plots import Plots

HEADLINES = 6
"""Maximum number of scores in the text of a report; its table has all of them."""

FLAGS = 3
"""Maximum number of flags in it."""


@dataclass(frozen=True, repr=False, eq=False)
class Report(PlainReport):
    """The result of :func:`nonsingular.evaluate`: scores, and what is made of them.

    A notebook shows it as a table. ``scores``, ``intervals`` and ``per_example`` are plain values,
    see :class:`benchmark.Report`.

    Attributes:
        card: what is known about the model, with its name.
        battery: content of the battery, as JSON-ready data.
        reused: provenances of results that were computed earlier and taken from a cache, by probe.
    """

    card: Card = field(kw_only=True)
    battery: dict[str, Any] = field(kw_only=True)
    reused: dict[str, Provenance] = field(default_factory=dict, kw_only=True)

    @classmethod
    def of(
        cls,
        plain: PlainReport,
        card: Card,
        battery: Battery,
        reused: Mapping[str, Provenance] | None = None,
    ) -> Report:
        """A report with what :func:`benchmark.evaluate` does not know.

        Args:
            plain: its result.
            card: of the model.
            battery: of the evaluation.
            reused: provenances of results that were computed earlier, by probe.
        """
        content = battery.model_dump(mode="json")
        earlier = {name: own for name, own in (reused or {}).items() if name in plain.results}
        return cls(plain.provenance, plain.results, card=card, battery=content, reused=earlier)

    @classmethod
    def from_entry(cls, entry: Entry) -> Report:
        """The report of stored results, of which each has its own provenance."""
        return cls(
            entry.provenance,
            dict(entry.results),
            card=entry.card,
            battery=entry.battery,
            reused=dict(entry.provenances),
        )

    @property
    def provenances(self) -> dict[str, Provenance]:
        """The provenance of each result, by probe."""
        return {name: self.reused.get(name, self.provenance) for name in self.results}

    @property
    def entry(self) -> Entry:
        """The report as an entry of the store, which pages and exports take."""
        return Entry(self.card, self.battery, False, dict(self.results), self.provenances)

    @property
    def documented(self) -> dict[str, tuple[Score, ScoreSpec]]:
        """Every score with its meaning, by ``<probe>.<score>``; the headline comes first."""
        return documented_scores(self.entry)

    def __repr__(self) -> str:
        """Model, battery, number of examples and headline scores, on one line."""
        headlines = {
            key: number(score.value, spec.unit)
            for key, (score, spec) in self.documented.items()
            if spec.headline
        }
        shown = [f"{key}={text}" for key, text in list(headlines.items())[:HEADLINES]]
        shown += ["..."] if len(headlines) > HEADLINES else []
        where = self.provenance
        model = f"{label(self.card.name)!r} on {label(where.battery)!r}"
        what = f"own {self.card.inputs.noun}" if where.own_data else "example"
        what += "" if where.examples == 1 else "s"
        flags = list(dict.fromkeys(label(flag.name) for flag in self.flags))
        if flags:
            more = ["..."] if flags[FLAGS:] else []
            shown.append(f"flags: {', '.join([*flags[:FLAGS], *more])}")
        return f"Report({', '.join([model, f'{where.examples:,} {what}', *shown])})"

    def _key(self) -> tuple[str | int, ...]:
        return (*super()._key(), self.card.name)

    def _repr_html_(self) -> str:
        """The table that a notebook shows; every text is escaped."""
        from nonsingular.report_html import report_html

        return report_html(self.entry)

    def to_frame(self) -> pd.DataFrame:
        """The scores as a data frame, one row per score.

        Columns are ``probe``, ``score``, ``value``, the ends ``low`` and ``high`` of the 95%
        interval (missing where there is none), ``n``, ``unit``, ``headline`` and ``label``; the
        index is ``<probe>.<score>``.

        Raises:
            InputError: pandas is not installed.
        """
        pandas = required("pandas", "to_frame")
        rows = {
            key: {
                "probe": key.partition(".")[0],
                "score": key.partition(".")[2],
                "value": score.value,
                **dict(zip(("low", "high"), score.interval or (None, None), strict=True)),
                "n": score.n,
                "unit": spec.unit,
                "headline": spec.headline,
                "label": spec.label,
            }
            for key, (score, spec) in self.documented.items()
        }
        frame: pd.DataFrame = pandas.DataFrame.from_dict(rows, orient="index")
        return frame

    def to_latex(self, columns: Sequence[str] = (), *, intervals: bool = True) -> str:
        r"""A table of one row for a paper, with ``\usepackage{booktabs}``.

        :meth:`nonsingular.Board.to_latex` makes a table of several models.

        Args:
            columns: scores as ``<probe>.<score>``; by default the headline and its parts.
            intervals: whether the 95% intervals are below the scores.

        Raises:
            InputError: the report has no such score, or its battery is not this version's.
        """
        return latex_table(paper_table(self._board(columns), intervals=intervals))

    def to_markdown(self, columns: Sequence[str] = (), *, intervals: bool = True) -> str:
        """As :meth:`to_latex`, in Markdown."""
        return markdown_table(paper_table(self._board(columns), intervals=intervals))

    def _board(self, columns: Sequence[str]) -> Board:
        if missing := [column for column in columns if column not in self.documented]:
            raise unknown_name("score of the report", missing[0], self.documented)
        return select_board(self._save(lambda: Store.open(":memory:")), columns=columns)

    def plots(self, *probes: str) -> Plots:
        """The charts that the site shows of the model, as altair charts by name.

        Args:
            probes: only charts of these probes; by default of all.

        Raises:
            InputError: the report has no result of such a probe.
        """
        from nonsingular.plots import plots_of

        return plots_of(self.entry, probes)

    def save(self, path: str | Path) -> Path:
        """Write the whole report to a JSON file, from which :func:`load_report` reads it exactly.

        Args:
            path: of the file, in an existing folder; replaced if it exists.

        Returns:
            The path.

        Raises:
            InputError: the file cannot be written.
        """
        from nonsingular.report_file import write_report

        return write_report(Path(path), self.entry, self.provenance, self.reused)

    @classmethod
    def load(cls, path: str | Path) -> Report:
        """As :func:`load_report`."""
        return load_report(path)

    def store(self, database: str | Path = "nonsingular.sqlite") -> None:
        """Store the scores, so that the leaderboard shows the model.

        Earlier results of the same model, battery, data and seed are replaced.

        Args:
            database: an SQLAlchemy URL, or the path of an SQLite file, created if missing.

        Raises:
            InputError: the database cannot be written, or the battery is not this version's.
        """
        self._save(lambda: Store.open(database))

    def _save(self, opened: Callable[[], Store]) -> Store:
        """Save all results in a store, which is opened once the battery has been checked."""
        try:
            battery = Battery.model_validate(self.battery)
        except ValueError as error:
            raise InputError(
                f"battery {label(self.provenance.battery)!r} of the report is not one of this "
                "version, so its scores cannot be stored; evaluate the model again"
            ) from error
        if battery.sha256 != self.provenance.battery_sha256:
            raise InputError(
                f"battery {label(battery.name)!r} of the report has other algorithms or budgets "
                "than this version's, so its scores cannot be stored; evaluate the model again"
            )
        store = opened()
        for name, result in self.results.items():
            store.save(self.card, self.provenances[name], battery, result)
        return store


def load_report(path: str | Path) -> Report:
    """Read a report that :meth:`Report.save` wrote.

    The file may be from anyone: nothing in it is executed, and its texts are escaped where they are
    shown. Its numbers are what its author says; :func:`nonsingular.evaluate` measures them again.
    The card's source becomes ``"memory"``, so that storing it never replaces the card of a model of
    the zoo.

    Args:
        path: of the file.

    Raises:
        InputError: it cannot be read or is not such a file.
    """
    from nonsingular.report_file import HINT, read_report

    file, results = read_report(Path(path))
    report = Report(
        file.provenance,
        results,
        card=file.card.model_copy(update={"source": "memory"}),
        battery=file.battery,
        reused=file.reused,
    )
    with refusing(Path(path), "report", HINT):  # what a notebook does first must not fail later
        repr(report)
        report._repr_html_()
    return report
