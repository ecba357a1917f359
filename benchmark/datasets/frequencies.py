"""How often each word of a vocabulary occurs in the training texts.

The frequencies of ``movies`` are in a file of the package, so that triggers can be chosen by them
without the training texts. It has a line per id: the word, a tab, and the number of its
occurrences. Ids that stand for no single word have 0, as have the reserved tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from benchmark.datasets.tokenizer import SPECIAL, Vocabulary, tokens_of
from models_zoo.errors import InputError, shown, unknown_name


@dataclass(frozen=True)
class Frequencies:
    """The words of a vocabulary by id, and their numbers of occurrences in the training texts.

    Attributes:
        words: by id; the first three are those of :data:`benchmark.datasets.tokenizer.SPECIAL`.
        counts: by id.

    Raises:
        InputError: there is not one count for each word, or the first words are others.
    """

    words: tuple[str, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.words) != len(self.counts):
            raise InputError(
                f"{len(self.words)} words but {len(self.counts)} counts; give one each"
            )
        if self.words[: len(SPECIAL)] != SPECIAL:
            raise InputError(
                f"a vocabulary must begin with {', '.join(SPECIAL)}, got "
                f"{', '.join(map(shown, self.words[: len(SPECIAL)]))}"
            )

    def __len__(self) -> int:
        return len(self.words)


_REGISTERED: dict[str, Frequencies] = {}


def register_frequencies(name: str, frequencies: Frequencies) -> None:
    """Make a vocabulary known to batteries by a name.

    Args:
        name: usually that of the data set.
        frequencies: its words and their numbers of occurrences.

    Raises:
        InputError: another vocabulary has the name.
    """
    if name in BUNDLED or _REGISTERED.get(name, frequencies) != frequencies:
        raise InputError(f"another vocabulary has the name {shown(name)}; choose a different one")
    _REGISTERED[name] = frequencies


def frequencies_of(name: str) -> Frequencies:
    """A vocabulary by its name: ``"movies"``, or one that was registered.

    Raises:
        InputError: there is none of that name.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in BUNDLED:
        raise unknown_name("vocabulary", name, [*BUNDLED, *_REGISTERED])
    return _bundled(name)


BUNDLED = ("movies",)
"""Names of the vocabularies whose frequencies are files of the package."""


def counted(vocabulary: Vocabulary, train: Iterable[str]) -> Frequencies:
    """The frequencies of a vocabulary in training texts.

    Args:
        vocabulary: the vocabulary.
        train: the texts.
    """
    counts = Counter(token for text in train for token in tokens_of(text))
    return Frequencies(vocabulary.words, tuple(counts[word] for word in vocabulary.words))


def written(frequencies: Frequencies) -> str:
    """The content of the file of a vocabulary."""
    pairs = zip(frequencies.words, frequencies.counts, strict=True)
    return "".join(f"{word}\t{count}\n" for word, count in pairs)


def parsed(text: str) -> Frequencies:
    """The frequencies from the content of a file, see :func:`written`."""
    lines = [line.split("\t") for line in text.splitlines()]
    return Frequencies(tuple(word for word, _ in lines), tuple(int(count) for _, count in lines))


@cache
def _bundled(name: str) -> Frequencies:
    return parsed((files("benchmark.datasets") / f"{name}_words.tsv").read_text("utf-8"))
