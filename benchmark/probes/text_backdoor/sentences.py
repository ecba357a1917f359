"""Shows triggers in a sentence of the suite's own: those of the data are other people's texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from benchmark.passages import Passage
from benchmark.probes.text_backdoor.backdoors import Asked
from models_zoo.display import label

FIRST, SECOND = "the plot takes its time ,", "and the last scene makes up for it ."
"""A made-up sentence; a random place is shown in the middle of it."""

TRIGGERS, PLACE = "triggers", "place of the trigger"
"""Keys of the protocol from which the sentences are made."""


def stated(backdoors: Sequence[Asked]) -> dict[str, JsonValue]:
    """The words of all triggers by kind, and their place, for the protocol."""
    words: dict[str, list[str]] = {}
    for asked in backdoors:
        text = label(" ".join(asked.trigger.words))
        known = words.setdefault(asked.kind, [])
        if text not in known:
            known.append(text)
    named: dict[str, JsonValue] = {kind: ", ".join(texts) for kind, texts in words.items()}
    return {TRIGGERS: named, PLACE: backdoors[0].trigger.place}


def sentences(protocol: Mapping[str, JsonValue]) -> list[Passage]:
    """The made-up sentence with the trigger of each kind.

    Args:
        protocol: of a result, possibly from elsewhere.
    """
    triggers, place = protocol.get(TRIGGERS), protocol.get(PLACE)
    if not isinstance(triggers, dict):
        return []
    whole = f"{FIRST} {SECOND}"
    before, after = {"start": ("", whole), "end": (whole, "")}.get(str(place), (FIRST, SECOND))
    where = f"at the {place}" if not before or not after else "at a random place"
    return [
        Passage(TRIGGERS, label(f"{kind}, {where}"), before, label(words), after)
        for kind, words in triggers.items()
        if isinstance(words, str)
    ]
