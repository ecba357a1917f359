"""When a battery's content was frozen; in a file of its own, so that the hash does not change."""

from __future__ import annotations

import tomllib
from datetime import date
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field


class Frozen(BaseModel):
    """A frozen content of a battery, to which scores may refer.

    Attributes:
        sha256: of the content.
        date: when it was frozen.
        note: what it is and what changed, in a sentence or two.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    date: date
    note: str = Field(min_length=1)


class _History(BaseModel):
    model_config = ConfigDict(extra="forbid")

    frozen: tuple[Frozen, ...]


@cache
def battery_histories() -> dict[str, tuple[Frozen, ...]]:
    """The frozen contents of each battery, oldest first, from ``versions/<battery>.toml``."""
    folder = files("benchmark.batteries") / "versions"
    return {
        file.name.removesuffix(".toml"): _History.model_validate(
            tomllib.loads(file.read_text("utf-8"))
        ).frozen
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".toml")
    }


@cache
def frozen_batteries() -> dict[str, Frozen]:
    """All frozen contents by their hash."""
    return {each.sha256: each for history in battery_histories().values() for each in history}
