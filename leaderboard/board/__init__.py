"""The boards: ranked tables of models as data."""

from leaderboard.board.board import Board, make_boards
from leaderboard.board.columns import headline_scores
from leaderboard.board.threats import offering_probes

__all__ = ["Board", "headline_scores", "make_boards", "offering_probes"]
