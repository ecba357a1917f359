"""The probes of stored batteries, possibly from another version of the suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from benchmark.probes import PROBES, Probe
from benchmark.threats import AnyThreat
from models_zoo.errors import InputError


def stored_probes(content: Mapping[str, Any]) -> dict[str, Probe[Any]]:
    """The probes of a battery's content, with their settings.

    Args:
        content: of a battery, as JSON.

    Returns:
        Probes by name, in the battery's order, without those that this version does not know or
        whose settings it does not accept.
    """
    settings = {}
    for name, table in content.get("probes", {}).items():
        if name in PROBES:
            try:
                settings[name] = PROBES[name].Settings.model_validate(table)
            except (ValidationError, InputError):
                continue
    return {name: PROBES[name](own, settings) for name, own in settings.items()}


def stored_headline_threats(content: Mapping[str, Any]) -> dict[str, list[AnyThreat]]:
    """The threats that the scores of a battery's probes are about.

    Args:
        content: of a battery, as JSON.

    Returns:
        Threats by the probe's name, the main one first. Probes without threats are left out, as are
        those that this version cannot build.
    """
    threats: dict[str, list[AnyThreat]] = {}
    for name, probe in stored_probes(content).items():
        try:
            found = list(probe.headline_threats)
        except InputError:  # its settings do not fit those of the other probes
            continue
        if found:
            threats[name] = found
    return threats
