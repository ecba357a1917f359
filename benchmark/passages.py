"""Sentences with a marked part, such as a trigger, as pages show them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Passage(BaseModel):
    """A sentence with a marked part.

    Attributes:
        picture: name of its group, such as ``"triggers"``.
        caption: what is marked.
        before: text in front of the marked part; may be empty.
        marked: the marked part.
        after: text behind it; may be empty.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    picture: str = Field(max_length=100)
    caption: str = Field(max_length=500)
    before: str = Field(max_length=2000)
    marked: str = Field(max_length=2000)
    after: str = Field(max_length=2000)
