"""The rows that come with the package: what RobustBench publishes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

from leaderboard.reported.reading import parse_reported
from leaderboard.reported.row import ReportedRow

FILE = "robustbench-2025-03-31.tsv"
"""Figures, identifiers, venues and addresses of RobustBench's ``model_info`` (Croce et al. 2021;
https://github.com/RobustBench/robustbench, MIT) under linf and l2. Titles are not there, nor are
the figures under common corruptions, which no battery measures. The column ``load`` is from the
list of models that robustbench 1.1.1 can load."""

SOURCE, DATE, LICENCE = "RobustBench", "2025-03-31", "MIT"


@cache
def shipped_rows() -> tuple[ReportedRow, ...]:
    """The rows that come with the package."""
    data = (files("leaderboard.reported") / FILE).read_bytes()
    found = parse_reported(Path(FILE), data, source=SOURCE, date=DATE, licence=LICENCE)
    return tuple(found.rows)
