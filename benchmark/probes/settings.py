"""Settings of probes, as batteries have them."""

from __future__ import annotations

import inspect
import re
from functools import cache
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from benchmark.budgets import Budget


def _ascending(values: tuple[Budget, ...]) -> tuple[Budget, ...]:
    if list(values) != sorted(set(values)) or values[0] <= 0:
        raise ValueError(f"budgets must ascend from above 0, got {values}")
    return values


Budgets = Annotated[tuple[Budget, ...], Field(min_length=1), AfterValidator(_ascending)]
"""Budgets in ascending order, without the 0."""


class ProbeSettings(BaseModel):
    """Settings of a probe, from its table in a battery's TOML.

    Attributes:
        later: settings that were added after some batteries were frozen. At its default such a
            setting is not part of a battery's content, so that these batteries keep their hashes.
        headline_settings: settings that determine the budgets of the scores.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    later: ClassVar[tuple[str, ...]] = ()
    headline_settings: ClassVar[tuple[str, ...]] = ()

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        content: dict[str, Any] = handler(self)
        fields = type(self).model_fields
        for name in self.later:
            if getattr(self, name) == fields[name].default:
                content.pop(name, None)
        return content

    @classmethod
    @cache
    def meanings(cls) -> dict[str, str]:
        """What each setting means, from the ``Attributes`` of the class's docstring."""
        _, _, attributes = inspect.cleandoc(cls.__doc__ or "").partition("Attributes:\n")
        meanings: dict[str, str] = {}
        for name, meaning in re.findall(
            r"^    (\w+): ((?:.+\n?)(?:^ {8}.+\n?)*)", attributes, re.M
        ):
            if name not in cls.model_fields:
                continue
            text = re.sub(r":\w+:`([^`]+)`|``([^`]+)``", r"\1\2", " ".join(meaning.split()))
            meanings[name] = text[0].upper() + text[1:]
        return meanings
