"""Command lines that reproduce stored scores."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.batteries import list_batteries
from benchmark.data_fit import SETS
from benchmark.headline import headline_probes
from leaderboard.reruns.find_results import HASH_DIGITS, may_mean
from leaderboard.store import Entry, Summary
from models_zoo.card import Card

FILE_SOURCES = ("file", "submitted")
"""Sources whose models can only be loaded from a file, not by name."""


def reproduce_command(
    entry: Entry,
    probe: str | None = None,
    *,
    among: Iterable[Entry | Summary] | None = None,
    database: str | None = None,
) -> str:
    """The command that runs a stored result again and prints how well it agrees.

    Args:
        entry: the stored result.
        probe: one of its probes, or the derived ``nonsingular``, whose parts are run; ``None`` for
            all of them.
        among: all stored results of this model and of others with its name, from which it has to
            be distinguished. If unknown, battery and number of examples are always given.
        database: the database, unless it is the default.

    Returns:
        A command for a POSIX shell; for a model that was scored in memory, a call in Python.
    """
    return _command(entry, probe, _shared_part(entry, among, database))


def reproduce_commands(entry: Entry, among: Iterable[Entry | Summary]) -> dict[str, str]:
    """The command of :func:`reproduce_command` for each of an entry's results.

    Args:
        entry: the stored result.
        among: all stored results of this model and of others with its name.
    """
    rest = _shared_part(entry, among)
    return {probe: _command(entry, probe, rest) for probe in entry.answers}


def _command(entry: Entry, probe: str | None, rest: tuple[str, list[str]]) -> str:
    probes = headline_probes() if probe == "nonsingular" else (probe,) if probe else ()
    if entry.card.source == "memory":
        return _evaluate(entry, probes)
    name, words = rest
    words = [word for each in probes for word in ("--probe", each)] + words
    # A name like an option's comes last, behind the mark that ends options.
    words = [*words, "--", name] if name.startswith("-") else [name, *words]
    return shlex.join(["nonsingular", "reproduce", *words])


def _shared_part(
    entry: Entry, among: Iterable[Entry | Summary] | None, database: str | None = None
) -> tuple[str, list[str]]:
    """The common part of an entry's commands: the model, and all options but the probes."""
    card, own = entry.card, _key_of(entry)
    others = None if among is None else [_key_of(each) for each in among]
    words = _distinguishing_options(own, others)
    words += ["--seed", _seed(own.seed)] if own.seed else []
    words += ["--split", own.split] if own.split != "test" else []
    words += ["--data", "FILE"] if entry.on_own_data else []
    words += _file_options(card)
    words += ["--database", database] if database else []
    return own.fingerprint[:HASH_DIGITS] if _shared(own, others or []) else card.name, words


def bench_command(entry: Entry) -> str:
    """The command that computes all scores from scratch, given only the model."""
    card, where = entry.card, entry.provenance
    probes = _non_default_probes(entry)
    if card.source == "memory":
        return _evaluate(entry, probes)
    command = ["nonsingular", "bench"]
    if card.source not in FILE_SOURCES:
        command.append(card.name)
    else:
        command += _file_options(card)
        if not card.brings_network:
            command += ["--architecture", card.architecture]
        command += ["--weights", card.weights] if card.weights else []
        command += ["--mean", _numbers(card.mean), "--std", _numbers(card.std)]
    named = where.battery in list_batteries()  # else it came from a file
    command += ["--battery", where.battery if named else f"{where.battery}.toml"]
    command += ["--examples", str(where.examples)]
    command += ["--split", "train"] if entry.on_training_data else []
    command += ["--data", "FILE"] if entry.on_own_data else []
    command += ["--own-data"] if entry.on_own_data and _unlike(entry) else []
    command += ["--seed", _seed(where.seed)]
    if where.device != "cpu":
        command += ["--device", where.device]
    for probe in probes:
        command += ["--probe", probe]
    return shlex.join(command)


def _seed(seed: int) -> str:
    """A seed as an option's value; a word to replace for one that is secret."""
    return str(seed) if seed >= 0 else "SEED"


def _unlike(entry: Entry) -> bool:
    """Whether the model takes other images, or has other classes, than the battery's data set."""
    usual = SETS.get(str(entry.battery.get("dataset")))
    card = entry.card
    return usual is not None and not (
        usual.takes(card.input_shape) and usual.classes == card.classes
    )


@dataclass(frozen=True)
class _ResultKey:
    """The key of a stored result."""

    name: str
    fingerprint: str
    battery: str
    battery_sha256: str
    seed: int
    split: str
    examples: int


def _key_of(entry: Entry | Summary) -> _ResultKey:
    where = entry.provenance if isinstance(entry, Entry) else entry
    return _ResultKey(
        entry.card.name,
        where.fingerprint,
        where.battery,
        where.battery_sha256,
        where.seed,
        where.split,
        where.examples,
    )


def _shared(own: _ResultKey, others: Sequence[_ResultKey]) -> bool:
    """Whether the name is ambiguous."""
    return any(
        each.fingerprint != own.fingerprint and may_mean(own.name, each.fingerprint, each.name)
        for each in others
    )


def _distinguishing_options(own: _ResultKey, others: Sequence[_ResultKey] | None) -> list[str]:
    """Options that distinguish a result from the others of its model, seed and split."""
    if others is None:
        return ["--battery", own.battery, "--examples", str(own.examples)]
    place = (own.fingerprint, own.seed, own.split)
    same_model = [each for each in others if (each.fingerprint, each.seed, each.split) == place]
    options: list[str] = []
    other_batteries = [each for each in same_model if each.battery_sha256 != own.battery_sha256]
    if other_batteries:
        same_name = any(each.battery == own.battery for each in other_batteries)
        options += ["--battery", own.battery_sha256[:HASH_DIGITS] if same_name else own.battery]
    same = [each for each in same_model if each.battery_sha256 == own.battery_sha256]
    if any(each.examples != own.examples for each in same):
        options += ["--examples", str(own.examples)]
    return options


def _file_options(card: Card) -> list[str]:
    """Options for the file of a model that cannot be loaded by name."""
    if card.source not in FILE_SOURCES:
        return []
    trust = ["--trust"] if card.architecture.startswith("pt2:") else []
    return ["--checkpoint", card.checkpoint or "FILE", *trust]


def _evaluate(entry: Entry, probes: Sequence[str]) -> str:
    where = entry.provenance
    asked = f", probes={list(probes)!r}" if probes else ""
    own = ", own_data=True" if entry.on_own_data and _unlike(entry) else ""
    battery = f"battery={where.battery!r}"
    return f"evaluate(model, images, labels, {battery}{asked}, seed={where.seed}{own})"


def _non_default_probes(entry: Entry) -> list[str]:
    """The probes to name: none if those that ran are the battery's default."""
    ran = list(entry.results)
    return [] if set(ran) == set(entry.battery.get("default", ())) else ran


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value!r}" for value in values)
