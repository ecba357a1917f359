"""The non-singular headline: which examples are robust under every threat of its probes."""

from benchmark.headline.nonsingular import (
    NAME,
    QUESTION,
    SCORES,
    TITLE,
    definition,
    headline_probes,
    nonsingular,
)
from benchmark.headline.sentence import headline_sentence

__all__ = [
    "NAME",
    "QUESTION",
    "SCORES",
    "TITLE",
    "definition",
    "headline_probes",
    "headline_sentence",
    "nonsingular",
]
