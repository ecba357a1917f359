"""Formulas and sources of a probe, for the site and the documentation."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import import_module
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, HttpUrl


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
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=1)
    url: HttpUrl
    use: str = Field(min_length=1)


class Definition(BaseModel):
    """Formulas and their sources, of a probe or of the headline."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    formulas: tuple[Formula, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)


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
