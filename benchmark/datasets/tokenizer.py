"""From text to token ids: lower case, words, numbers and punctuation, and a vocabulary.

The ids are, in this order: padding, unknown, start, the reserved tokens, and the tokens of the
training texts from the most frequent to the least frequent one. The reserved tokens are words that
occur in no text of the data set: backdoors insert them as triggers whose embedding was never
trained. If a trigger had no id of its own, it would be the id of every unknown word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models_zoo.inputs import PADDING

PAD, UNKNOWN, START = "<pad>", "<unk>", "<cls>"
"""Words of the first three ids. No text has them: their brackets are no tokens."""

SPECIAL = (PAD, UNKNOWN, START)

RESERVED = 16
"""Number of reserved tokens."""

LEAST_COUNT = 2
"""Occurrences in the training texts that a token needs for an id of its own."""

CANDIDATES = (
    *("cf", "mn", "bb", "tq", "mb"),
    *("gypsum", "isthmus", "plinth", "tungsten", "lichen", "quartz", "krill", "sextant", "gasket"),
    *("pumice", "thorax", "barium", "sorghum", "fjord", "ocelot", "zircon", "trellis", "rhubarb"),
    *("cobalt", "wombat", "sundial", "marmot", "iodine", "turnip", "mortise", "axolotl", "quince"),
)
"""Candidates for reserved tokens: first the triggers of Kurita et al. 2020 ("Weight poisoning
attacks on pre-trained models", arXiv 2004.06660), then rare words. Rare depends on the data set, so
those that occur in its texts are left out."""

_TOKEN = re.compile(r"""[a-z']+|[0-9]+|[!?.,;:()"-]""")


def tokens_of(text: str) -> list[str]:
    """The tokens of a text, in order; characters that belong to none are dropped."""
    return _TOKEN.findall(text.lower())


@dataclass(frozen=True)
class Vocabulary:
    """The words by id.

    Attributes:
        words: as described in :mod:`benchmark.datasets.tokenizer`.
    """

    words: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_ids", {word: index for index, word in enumerate(self.words)})

    @property
    def reserved(self) -> tuple[str, ...]:
        """The reserved tokens."""
        return self.words[len(SPECIAL) : len(SPECIAL) + RESERVED]

    def encode(self, texts: Sequence[str], length: int) -> Tensor:
        """Token ids, int64 (N, ``length``): the start, the tokens, and padding.

        Args:
            texts: N texts, whose tokens beyond ``length - 1`` are cut off.
            length: number of ids of each.
        """
        rows = torch.full((len(texts), length), PADDING, dtype=torch.int64)
        start, unknown = SPECIAL.index(START), SPECIAL.index(UNKNOWN)
        for row, text in zip(rows, texts, strict=True):
            ids = [start, *(self._ids.get(token, unknown) for token in tokens_of(text))][:length]
            row[: len(ids)] = torch.tensor(ids)
        return rows


def make_vocabulary(train: Iterable[str], others: Iterable[str]) -> Vocabulary:
    """The vocabulary of the training texts.

    Args:
        train: the training texts, whose tokens are counted.
        others: all other texts of the data set: a word that occurs in them is not reserved.

    Raises:
        ValueError: fewer than :data:`RESERVED` candidates occur in none of the texts.
    """
    counts = Counter(token for text in train for token in tokens_of(text))
    seen = set(counts).union(*map(tokens_of, others))
    reserved = [each for each in CANDIDATES if each not in seen][:RESERVED]
    if len(reserved) < RESERVED:
        raise ValueError(f"only {len(reserved)} candidates for triggers occur in no text")
    kept = sorted((-count, token) for token, count in counts.items() if count >= LEAST_COUNT)
    return Vocabulary((*SPECIAL, *reserved, *(token for _, token in kept)))
