"""The boards: ranked tables of models as data."""

from leaderboard.board.board import Board, make_boards
from leaderboard.board.columns import HEADLINES
from leaderboard.board.threats import offering_probes

__all__ = ["HEADLINES", "Board", "make_boards", "offering_probes"]
