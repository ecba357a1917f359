"""The inputs of a model: images of a shape, or token ids of a length with a vocabulary.

This is the one place that says what an input is. A data set has such inputs, a card states which
ones its model takes, and a probe states of which kinds its model's may be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["images", "tokens"]
"""The kinds of inputs: float32 (N, C, H, W) in [0, 1], or int64 (N, L)."""

PADDING = 0
"""Id of the token that fills a text up to its length; models leave it out of everything."""


class Images(BaseModel):
    """Images in [0, 1].

    Attributes:
        shape: (channels, height, width) of an image.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    shape: tuple[int, int, int]

    @property
    def kind(self) -> Kind:
        """``"images"``."""
        return "images"

    @property
    def noun(self) -> str:
        """For one of them, in messages and tables."""
        return "image"

    @property
    def text(self) -> str:
        """For messages."""
        return f"images of shape {self.shape}"


class Tokens(BaseModel):
    """Token ids from 0 to below the size of the vocabulary; :data:`PADDING` fills the end.

    Attributes:
        length: number of ids of a text, with those of the padding.
        vocabulary: number of ids.
        words_sha256: hash of the words by id, see :func:`words_sha256`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    length: int = Field(ge=1, le=100_000)
    vocabulary: int = Field(ge=2, le=10_000_000)
    words_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def kind(self) -> Kind:
        """``"tokens"``."""
        return "tokens"

    @property
    def noun(self) -> str:
        """For one of them, in messages and tables."""
        return "text"

    @property
    def shape(self) -> tuple[int]:
        """(length,) of a text."""
        return (self.length,)

    @property
    def text(self) -> str:
        """For messages."""
        return (
            f"texts of {self.length} token ids below {self.vocabulary:,} "
            f"(vocabulary {self.words_sha256[:8]})"
        )


Inputs = Images | Tokens
"""What a model takes."""

KINDS: dict[Kind, str] = {"images": "images", "tokens": "token ids"}
"""The kinds of inputs in words."""


def kind_of(inputs: Tensor) -> Kind:
    """The kind of a batch of inputs: token ids are whole numbers (N, L), pixels are floats."""
    return "images" if inputs.is_floating_point() else "tokens"


def words_sha256(words: Sequence[str]) -> str:
    """SHA-256 of the words of a vocabulary in the order of their ids."""
    digest = hashlib.sha256()
    for word in words:
        content = word.encode("utf-8", "surrogatepass")
        digest.update(f"{len(content)}|".encode())
        digest.update(content)
    return digest.hexdigest()
