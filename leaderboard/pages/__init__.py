"""The leaderboard as a folder of static pages that open from the file system."""

from leaderboard.pages.render import render_site

__all__ = ["render_site"]
