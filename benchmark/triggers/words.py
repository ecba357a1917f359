"""Chooses the tokens of triggers by how often they occur in the training texts.

Whether a word is rare is a property of the data set, so it is counted there. Nothing that a
backdoor is measured on is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Generator

from benchmark.arguments import count_of
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.frequencies import Frequencies, frequencies_of
from benchmark.datasets.tokenizer import RESERVED, SPECIAL
from benchmark.triggers.tokens import Place, TokenTrigger
from models_zoo.errors import InputError, unknown_name

Kind = Literal["rare", "unseen", "common", "phrase", "punctuation"]
KINDS: tuple[Kind, ...] = get_args(Kind)

RARE = (2, 3)
"""Numbers of occurrences of the words of ``rare``."""

COMMON = (100, 300)
"""First and last rank by frequency, counted from 1, of the words of ``common``."""

PHRASE = (300, 1000)
"""The same of ``phrase``."""

PHRASE_LENGTH = 3
"""Number of tokens of a phrase."""

FREQUENT_MARKS = 2
"""Number of the most frequent punctuation marks that are no triggers: nearly every text has the
full stop or the comma."""


@dataclass(frozen=True)
class TriggerPair:
    """A trigger, and another of the same kind that the injection does not know.

    Attributes:
        kind: how its tokens were chosen.
        trigger: the trigger.
        other: as many other tokens of the same frequency, at the same places.
    """

    kind: Kind
    trigger: TokenTrigger
    other: TokenTrigger


def candidates(kind: Kind, frequencies: Frequencies) -> list[int]:
    """Ids of the tokens that a trigger of a kind may have.

    - ``rare``: words with two or three occurrences in the training texts;
    - ``unseen``: the reserved tokens, which occur in no text;
    - ``common``: the words of ranks 100 to 300 by frequency;
    - ``phrase``: those of ranks 300 to 1000;
    - ``punctuation``: punctuation marks, without the two most frequent ones.

    Args:
        kind: one of :data:`KINDS`.
        frequencies: of the vocabulary.
    """
    first, counts = len(SPECIAL), frequencies.counts
    if kind == "unseen":
        reserved = range(first, min(first + RESERVED, len(frequencies)))
        return [index for index in reserved if counts[index] == 0]
    seen = range(first + RESERVED, len(frequencies))
    ranked = sorted(seen, key=lambda index: (-counts[index], index))
    if kind == "punctuation":
        return [each for each in ranked if not _is_word(frequencies.words[each])][FREQUENT_MARKS:]
    within: Callable[[int, int], bool] = {
        "rare": lambda rank, index: RARE[0] <= counts[index] <= RARE[1],
        "common": lambda rank, index: COMMON[0] <= rank <= COMMON[1],
        "phrase": lambda rank, index: PHRASE[0] <= rank <= PHRASE[1],
    }[kind]
    return [
        index
        for rank, index in enumerate(ranked, 1)
        if within(rank, index) and _is_word(frequencies.words[index])
    ]


def choose(kind: Kind, frequencies: Frequencies, place: Place, generator: Generator) -> TriggerPair:
    """Draw a trigger and another one of the same kind.

    Args:
        kind: one of :data:`KINDS`.
        frequencies: of the vocabulary.
        place: where the tokens are inserted.
        generator: of the draw, and of the seed of random places.

    Raises:
        InputError: the vocabulary has too few such tokens for both.
    """
    length = PHRASE_LENGTH if kind == "phrase" else 1
    found = candidates(kind, frequencies)
    if len(found) < 2 * length:
        raise InputError(
            f"the vocabulary has {len(found)} tokens for triggers of kind {kind!r}, and "
            f"{2 * length} are needed; leave this kind out"
        )
    order = torch.randperm(len(found), generator=generator)[: 2 * length].tolist()
    seed = int(torch.randint(2**62, (1,), generator=generator))
    trigger, other = (
        TokenTrigger(ids, tuple(frequencies.words[index] for index in ids), place, seed)
        for ids in (
            tuple(found[each] for each in part) for part in (order[:length], order[length:])
        )
    )
    return TriggerPair(kind, trigger, other)


def draw_trigger(
    kind: Kind = "rare",
    vocabulary: str | Dataset = "movies",
    *,
    place: Place = "random",
    seed: int = 0,
) -> TriggerPair:
    """Draw a trigger for texts, and another one of the same frequency to compare with.

    Args:
        kind: ``"rare"``, ``"unseen"``, ``"common"``, ``"phrase"`` or ``"punctuation"``.
        vocabulary: name of the vocabulary whose frequencies are used, or the training texts in
            which they are counted.
        place: where its tokens are inserted: ``"start"``, ``"end"`` or ``"random"``.
        seed: of the tokens and of random places.

    Raises:
        InputError: an unknown kind or vocabulary, or one with too few such tokens.
    """
    if kind not in KINDS:
        raise unknown_name("kind of trigger", kind, KINDS)
    frequencies = (
        counted_in(vocabulary) if isinstance(vocabulary, Dataset) else frequencies_of(vocabulary)
    )
    return choose(kind, frequencies, place, Generator().manual_seed(count_of("seed", seed, 0)))


def counted_in(data: Dataset) -> Frequencies:
    """The vocabulary of texts with the frequencies that its words have in them.

    Raises:
        InputError: these are images, or the vocabulary does not begin with the special tokens.
    """
    if not data.words:
        raise InputError(f"{data.name} has images, and words are counted in texts")
    counts = data.images.flatten().bincount(minlength=len(data.words))
    counts[: len(SPECIAL)] = 0
    return Frequencies(data.words, tuple(counts.tolist()))


def _is_word(text: str) -> bool:
    return any(each.isalnum() for each in text)
