"""Scores with their meaning."""

from __future__ import annotations

from benchmark.results import Score, ScoreSpec
from leaderboard.formatting.texts import probe_text
from leaderboard.store import Entry


def documented_scores(entry: Entry) -> dict[str, tuple[Score, ScoreSpec]]:
    """Every score with its meaning, by ``<probe>.<score>``; the headline comes first."""
    texts = {probe: probe_text(probe, entry.battery) for probe in entry.answers}
    return {
        f"{probe}.{name}": (score, texts[probe].spec(name))
        for probe, result in entry.answers.items()
        for name, score in result.scores.items()
    }
