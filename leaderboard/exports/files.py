"""The files in the folder of each model's page."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard.exports.badge import badge_of, badge_svg, entry_shown
from leaderboard.exports.record import record_of, record_text
from leaderboard.store import Entry, Summary


def model_files(
    entries: Sequence[Entry], namesakes: Sequence[Entry | Summary] = ()
) -> dict[str, str]:
    """Texts by file name.

    The formats of other projects are not included: they would double the time, and only a model's
    owner needs them. ``nonsingular export`` writes them.

    Args:
        entries: all of one model, at least one.
        namesakes: stored results of other models with the same name.
    """
    badge = badge_of(entry_shown(entries))
    return {
        "record.json": record_text(record_of(entries, namesakes)),
        "badge.svg": badge_svg(badge),
    }
