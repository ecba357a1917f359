"""Labeled texts, divided into splits by their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from benchmark.datasets.tokenizer import Vocabulary, make_vocabulary

SHARES = {"train": 0.6, "validation": 0.1, "test": 0.3}
"""Shares of the texts by split, in the order of their hashes."""


@dataclass(frozen=True)
class LabeledText:
    """A text.

    Attributes:
        text: as in its source.
        label: its class.
    """

    text: str
    label: int


@dataclass(frozen=True)
class Splits:
    """The texts by split, with the vocabulary of the training texts.

    Attributes:
        by_name: by the names of :data:`SHARES`.
        vocabulary: of the training texts.
    """

    by_name: dict[str, list[LabeledText]]
    vocabulary: Vocabulary


def split(texts: Iterable[LabeledText]) -> Splits:
    """Divide texts by their SHA-256, so that the order of the source has no effect.

    Of equal texts, the first one is kept.

    Raises:
        ValueError: see :func:`benchmark.datasets.tokenizer.make_vocabulary`.
    """
    distinct = {each.text: each for each in reversed(list(texts))}
    ordered = sorted(distinct.values(), key=lambda each: _sha256(each.text))
    by_name, start, until = {}, 0, 0.0
    for name, share in SHARES.items():
        until += share
        end = round(until * len(ordered))
        by_name[name], start = ordered[start:end], end
    train, *others = ([each.text for each in part] for part in by_name.values())
    vocabulary = make_vocabulary(train, (text for part in others for text in part))
    return Splits(by_name, vocabulary)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
