"""Shows triggers in a sentence of the suite's own: those of the data are other people's texts."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.passages import Passage
from benchmark.probes.text_backdoor.backdoors import Asked
from models_zoo.display import label

FIRST, SECOND = "the plot takes its time ,", "and the last scene makes up for it ."
"""A made-up sentence; a random place is shown in the middle of it."""

TRIGGERS = "triggers"
"""Name of the group of sentences."""


def passages(backdoors: Sequence[Asked]) -> list[Passage]:
    """The made-up sentence with the triggers of each kind, where they are inserted."""
    place = backdoors[0].trigger.place
    whole = f"{FIRST} {SECOND}"
    before, after = {"start": ("", whole), "end": (whole, "")}.get(place, (FIRST, SECOND))
    where = f"at the {place}" if not before or not after else "at a random place"
    return [
        Passage(
            picture=TRIGGERS, caption=f"{kind}, {where}", before=before, marked=words, after=after
        )
        for kind, words in words_by_kind(backdoors).items()
    ]


def words_by_kind(backdoors: Sequence[Asked]) -> dict[str, str]:
    """The words of all triggers, by their kind."""
    words: dict[str, list[str]] = {}
    for asked in backdoors:
        words.setdefault(asked.kind, []).append(label(" ".join(asked.trigger.words)))
    return {kind: ", ".join(dict.fromkeys(texts)) for kind, texts in words.items()}
