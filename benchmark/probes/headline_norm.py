"""The norm of the input balls that a battery's headline is about."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from benchmark.budgets import Budget
from models_zoo.errors import InputError

HeadlineNorm = Literal["linf", "l2"]

NORM_LABELS = {"linf": "linf budget (input units)", "l2": "l2 budget (input units)"}


class NormSettings(Protocol):
    """Settings of a probe that has a headline norm."""

    @property
    def headline_norm(self) -> HeadlineNorm:
        """The norm of its headline."""


def headline_budget(probe: str, settings: NormSettings) -> Budget:
    """The headline budget, which must be given in the headline norm and in no other.

    Args:
        probe: its name, for messages.
        settings: the probe's, with ``headline_norm`` and a ``headline_<norm>`` for every norm.

    Raises:
        InputError: it is missing, or there is one in another norm.
    """
    budget: Budget = in_headline_norm(probe, settings, "headline_")
    return budget


def in_headline_norm(probe: str, settings: NormSettings, prefix: str = "") -> Any:
    """The setting ``<prefix><norm>`` of the headline norm.

    Args:
        probe: its name, for messages.
        settings: the probe's.
        prefix: of the setting's name.

    Raises:
        InputError: it is missing, or there is one for another norm.
    """
    headline = settings.headline_norm
    for norm in NORM_LABELS:
        name = f"{prefix}{norm}"
        given = getattr(settings, name) is not None
        if given != (norm == headline):
            what = "is not used" if given else "is missing"
            raise InputError(f"{probe}.{name} {what}: the headline norm is {headline}")
    return getattr(settings, f"{prefix}{headline}")
