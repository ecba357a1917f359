"""What a probe computes and where that comes from, as the site and the documentation show it."""

from __future__ import annotations

import inspect
import re
import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from benchmark.probes.probe import ProbeSettings


class Formula(BaseModel):
    """One formula.

    Attributes:
        gives: the scores it is a formula of, or what else it defines.
        text: in plain characters, for readers without a renderer and for screen readers.
        tex: the same in LaTeX.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gives: str = Field(min_length=1)
    text: str = Field(min_length=1)
    tex: str = Field(min_length=1)


class Source(BaseModel):
    """Where something comes from.

    Attributes:
        text: authors, year and title.
        url: of the paper, or of the code that was followed.
        use: what is taken from it, with the section where that is known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = Field(min_length=1)
    url: HttpUrl
    use: str = Field(min_length=1)


class Definition(BaseModel):
    """A probe's formulas and their sources, from ``definitions/<probe>.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    formulas: tuple[Formula, ...] = Field(min_length=1)
    sources: tuple[Source, ...] = Field(min_length=1)


@cache
def definition_of(probe: str) -> Definition | None:
    """The formulas and sources of a probe; ``None`` for one this version does not know."""
    if not re.fullmatch(r"[a-z][a-z-]*", probe):  # the name may be anybody's
        return None
    file = files("benchmark.probes") / "definitions" / f"{probe}.toml"
    if not file.is_file():
        return None
    return Definition.model_validate(tomllib.loads(file.read_text("utf-8")))


@cache
def settings_in_words(settings: type[ProbeSettings]) -> dict[str, str]:
    """What each setting means, from the ``Attributes`` of the class's docstring."""
    _, _, attributes = inspect.cleandoc(settings.__doc__ or "").partition("Attributes:\n")
    words: dict[str, str] = {}
    for name, meaning in re.findall(r"^    (\w+): ((?:.+\n?)(?:^ {8}.+\n?)*)", attributes, re.M):
        plain = re.sub(r":\w+:`([^`]+)`|``([^`]+)``", r"\1\2", " ".join(meaning.split()))
        words[name] = plain[0].upper() + plain[1:]
    return words
