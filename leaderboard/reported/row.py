"""A figure that somebody publishes of a model, with its source."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from benchmark.spaces.inputs import NORMS
from leaderboard.formatting.web_links import web_link
from models_zoo.display import shown
from models_zoo.numbers import number_of

MAX_TEXT = 200
"""Maximum number of characters of a text; addresses may have :data:`MAX_LINK`."""

MAX_LINK = 1000

_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BUDGET = re.compile(r"[0-9]+(\.[0-9]+)?(/[0-9]+)?")
_LOADED = re.compile(r"(robustbench|hf-hub|timm|torchvision):[A-Za-z0-9][A-Za-z0-9_./+-]*")
_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+()-]*")


def _printable(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError(f"{shown(text)} does not print, or has spaces at the ends")
    return text


def _percent(text: str) -> str:
    if text and not (_PERCENT.fullmatch(text) and float(text) <= 100):
        raise ValueError(f"{shown(text)} is not a percentage between 0 and 100, such as 56.03")
    return text


def _date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a date such as 2025-03-31")
    date.fromisoformat(text)
    return text


def _norm(text: str) -> str:
    if text not in NORMS:
        raise ValueError(f"{shown(text)} is not a norm; known: {', '.join(NORMS)}")
    return text


def _budget(text: str) -> str:
    if not _BUDGET.fullmatch(text) or not number_of(text):
        raise ValueError(f"{shown(text)} is not a budget such as 8/255 or 0.5")
    return text


def _link(text: str) -> str:
    if text and web_link(text) is None:
        raise ValueError(f"{shown(text)} is not an address that starts with http:// or https://")
    return text


def _loaded(text: str) -> str:
    # It becomes part of a command that readers paste into a shell.
    if text and not _LOADED.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a model's name such as robustbench:cifar10/Linf/X")
    return text


def _licence(text: str) -> str:
    if not _LICENCE.fullmatch(text):
        raise ValueError(f"{shown(text)} is not an SPDX identifier such as MIT")
    return text


Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_printable)]
Name = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_printable)]
Percent = Annotated[str, AfterValidator(_percent)]


class ReportedRow(BaseModel):
    """What a source publishes of one model under one threat; numbers are texts, as published.

    Attributes:
        source: who publishes it, such as ``RobustBench``.
        date: of the publication, ISO 8601.
        licence: SPDX identifier of the licence of the source's data.
        dataset: the data set, by the name that batteries use.
        norm: of the input balls: ``linf``, ``l2`` or ``l1``.
        eps: their radius, such as ``8/255``.
        model_id: the source's name of the model.
        architecture: the source's name of the network.
        venue: where the model was published.
        extra_data: whether it was trained on further data; ``None`` if not stated.
        clean: clean accuracy, %; empty if not stated, as for all that follow.
        autoattack: robust accuracy under AutoAttack, %.
        best_known: the lowest robust accuracy that the source knows of, %, where another attack
            found a lower one.
        unreliable: whether the source says that its AutoAttack figure may be too high.
        link: address of the paper or the code.
        load: the name under which this package loads the model; empty if it cannot.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: Name
    date: Annotated[str, AfterValidator(_date)]
    licence: Annotated[str, Field(max_length=100), AfterValidator(_licence)]
    dataset: Name
    norm: Annotated[str, AfterValidator(_norm)]
    eps: Annotated[str, Field(max_length=40), AfterValidator(_printable), AfterValidator(_budget)]
    model_id: Name
    architecture: Text = ""
    venue: Text = ""
    extra_data: bool | None = None
    clean: Percent = ""
    autoattack: Percent = ""
    best_known: Percent = ""
    unreliable: bool | None = None
    link: Annotated[
        str, Field(max_length=MAX_LINK), AfterValidator(_printable), AfterValidator(_link)
    ] = ""
    load: Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_loaded)] = ""

    @model_validator(mode="after")
    def _says_something(self) -> ReportedRow:
        if not self.autoattack and not self.best_known:
            raise ValueError("it has neither autoattack nor best_known")
        return self

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """What is unique: source, data set, norm, budget and model."""
        return self.source, self.dataset, self.norm, self.eps, self.model_id

    @property
    def radius(self) -> float:
        """The budget as a number, input units."""
        return number_of(self.eps) or 0.0

    @property
    def robust(self) -> float:
        """The lowest robust accuracy that is reported, %."""
        return min(float(text) for text in (self.autoattack, self.best_known) if text)
