"""Figures that others publish of models: read, kept and shown as *reported elsewhere*."""

from leaderboard.reported.importing import ImportedRows, import_reported
from leaderboard.reported.known import known_rows
from leaderboard.reported.reading import ReportedFile, read_reported
from leaderboard.reported.row import ReportedRow
from leaderboard.reported.shipped import shipped_rows

__all__ = [
    "ImportedRows",
    "ReportedFile",
    "ReportedRow",
    "import_reported",
    "known_rows",
    "read_reported",
    "shipped_rows",
]
