"""The store: every score with its outcomes and its provenance, in any SQLAlchemy database."""

from leaderboard.store.entry import Entry
from leaderboard.store.reruns import Rerun
from leaderboard.store.store import Store
from leaderboard.store.summaries import Summary

__all__ = ["Entry", "Rerun", "Store", "Summary"]
