"""Sentences with a marked part, such as a trigger, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Passage:
    """A sentence with a marked part.

    Attributes:
        picture: name of its group, such as ``"triggers"``.
        caption: what is marked.
        before: text in front of the marked part; may be empty.
        marked: the marked part.
        after: text behind it; may be empty.
    """

    picture: str
    caption: str
    before: str
    marked: str
    after: str
