"""The pieces that BERT splits words into.

Wu et al. 2016, "Google's neural machine translation system" (arXiv 1609.08144), as in Devlin et al.
2019 (arXiv 1810.04805): punctuation marks are words of their own, and of every word the longest
beginning is taken that the vocabulary has, then of what remains.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

CONTINUES = "##"
"""Before a piece that is not the beginning of a word."""

UNKNOWN, START = "[UNK]", "[CLS]"
"""A word that cannot be split, and the beginning of a text."""

_WORD = re.compile(r"[a-z]+|[0-9]+|[^a-z0-9]")


def pieces_of(word: str, ids: Mapping[str, int]) -> list[int]:
    """Ids of the pieces of a token of our texts, which has no space and no capital letter.

    Args:
        word: the token, such as ``"director's"``.
        ids: of all pieces.
    """
    return [piece for part in _WORD.findall(word) for piece in _split(part, ids)]


def pieces_of_vocabulary(words: Sequence[str], ids: Mapping[str, int]) -> list[list[int]]:
    """Ids of the pieces of every word of a vocabulary.

    Args:
        words: by id; the first are padding, which has none, the unknown word and the start.
        ids: of all pieces.
    """
    special = [[], [ids[UNKNOWN]], [ids[START]]]
    return [*special, *(pieces_of(word, ids) for word in words[len(special) :])]


def _split(word: str, ids: Mapping[str, int]) -> list[int]:
    found: list[int] = []
    begin = 0
    while begin < len(word):
        prefix = CONTINUES if begin else ""
        for end in range(len(word), begin, -1):
            if prefix + word[begin:end] in ids:
                found.append(ids[prefix + word[begin:end]])
                begin = end
                break
        else:
            return [ids[UNKNOWN]]
    return found
