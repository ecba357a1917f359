"""Formulas and sources of a probe, for the site and the documentation."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import import_module
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, field_validator

_ENTRY = re.compile(r"@[a-z]+\{([a-z][a-z0-9]*),")
"""How the BibTeX entry of a source begins; the group is its key."""


class Formula(BaseModel):
    """One formula.

    Attributes:
        gives: names of the scores that it defines, or another quantity.
        text: in plain characters, for readers without a renderer and for screen readers.
        tex: the same in LaTeX.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gives: str = Field(min_length=1)
    text: str = Field(min_length=1)
    tex: str = Field(min_length=1)


class Source(BaseModel):
    """A source of a probe.

    Attributes:
        text: authors, year and title.
        url: of the paper, or of the code that was followed.
        use: what is taken from it, with the section if that is known.
        bibtex: its entry for a bibliography; ``None`` for the code of a paper that is among the
            sources, and where there is nothing to cite.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=1)
    url: HttpUrl
    use: str = Field(min_length=1)
    bibtex: str | None = None

    @field_validator("bibtex")
    @classmethod
    def _is_one_entry(cls, text: str | None) -> str | None:
        """Refuse what is not one entry that begins with its type and key and is closed."""
        if text is None:
            return None
        entry = text.strip()
        if not _ENTRY.match(entry) or not _is_closed(entry):
            raise ValueError("bibtex must be one entry, such as @misc{key, title = {Title}}")
        return entry

    @property
    def key(self) -> str | None:
        """The key of its BibTeX entry."""
        found = _ENTRY.match(self.bibtex or "")
        return found[1] if found else None


def _is_closed(entry: str) -> bool:
    """Whether the braces of an entry close with its last character."""
    depth = 0
    for index, character in enumerate(entry):
        depth += (character == "{") - (character == "}")
        if depth == 0 and character == "}":
            return index == len(entry) - 1
    return False


class Definition(BaseModel):
    """Formulas and their sources, of a probe or of the headline.

    Attributes:
        formulas: of its scores.
        sources: what it follows.
        method: one or two sentences for a paper that uses it, where ``{threats}`` stands for its
            headline budgets in a battery and, for the headline, ``{parts}`` for its probes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    formulas: tuple[Formula, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)
    method: str = ""


@cache
def read_definition(module: str) -> Definition:
    """Read ``definition.toml`` beside a module.

    Args:
        module: full name of a module or package of the suite, such as
            ``benchmark.probes.clean.probe``.

    Raises:
        FileNotFoundError: there is no such file.
    """
    package = getattr(import_module(module), "__package__", None) or module
    file = files(package) / "definition.toml"
    return Definition.model_validate(tomllib.loads(file.read_text("utf-8")))
