"""Commands that give the scores of a page again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from benchmark.headline import PARTS
from leaderboard.site.loading import NAMELESS
from leaderboard.store import Entry


def reproduce_command(entry: Entry, probe: str) -> str:
    """One line that runs a probe's stored result again and prints how well it agrees.

    Args:
        entry: what is stored.
        probe: one of its probes, or the derived ``nonsingular``.
    """
    card, where = entry.card, entry.provenance
    probes = list(PARTS) if probe == "nonsingular" else [probe]
    if card.source == "memory":
        return _evaluate(entry, probes)
    command = ["nonsingular", "reproduce", card.name]
    for name in probes:
        command += ["--probe", name]
    command += ["--battery", where.battery]
    command += ["--seed", str(where.seed)] if where.seed else []
    command += ["--split", "train"] if entry.on_training_data else []
    command += ["--checkpoint", card.checkpoint or "FILE"] if card.source in NAMELESS else []
    return shlex.join(command)


def reproduce(entry: Entry) -> str:
    """The command that computes all scores afresh, with nothing but the model at hand."""
    card, where = entry.card, entry.provenance
    probes = _probes(entry)
    if card.source == "memory":
        return _evaluate(entry, probes)
    command = ["nonsingular", "bench"]
    if card.source not in NAMELESS:
        command.append(card.name)
    else:
        command += ["--checkpoint", card.checkpoint or "FILE"]
        if not card.brings_network:
            command += ["--architecture", card.architecture]
        elif card.architecture.startswith("pt2:"):
            command.append("--trust")
        command += ["--mean", _numbers(card.mean), "--std", _numbers(card.std)]
    command += ["--battery", where.battery, "--examples", str(where.examples)]
    command += ["--split", "train"] if entry.on_training_data else []
    command += ["--seed", str(where.seed)]
    if where.device != "cpu":
        command += ["--device", where.device]
    for probe in probes:
        command += ["--probe", probe]
    return shlex.join(command)


def _evaluate(entry: Entry, probes: Sequence[str]) -> str:
    where = entry.provenance
    asked = f", probes={list(probes)!r}" if probes else ""
    return f"evaluate(model, images, labels, battery={where.battery!r}{asked}, seed={where.seed})"


def _probes(entry: Entry) -> list[str]:
    """The probes to name: none where those that ran are the battery's own default."""
    ran = list(entry.results)
    return [] if set(ran) == set(entry.battery.get("default", ())) else ran


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value!r}" for value in values)
