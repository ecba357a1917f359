"""The boards: ranked tables that sort, filter and rank anew in the page."""

from leaderboard.site.boards.board import Board, make_boards
from leaderboard.site.boards.columns import HEADLINES
from leaderboard.site.boards.threats import ASKED

__all__ = ["ASKED", "HEADLINES", "Board", "make_boards"]
