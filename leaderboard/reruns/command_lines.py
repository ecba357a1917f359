"""Command lines that give stored scores again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmark.headline import PARTS
from leaderboard.reruns.find_results import SHORT, may_mean
from leaderboard.store import Entry, Summary
from models_zoo.card import Card

NAMELESS = ("file", "submitted")
"""Sources whose models have no name by which they can be loaded: a file must be at hand."""


def reproduce_command(
    entry: Entry,
    probe: str | None = None,
    *,
    among: Iterable[Entry | Summary] | None = None,
    database: str | None = None,
) -> str:
    """One line that runs a stored result again and prints how well it agrees.

    Args:
        entry: what is stored.
        probe: one of its probes, or the derived ``nonsingular``, whose parts are run; ``None`` for
            all of them.
        among: everything stored of this model and of others of its name, from which it has to be
            told apart. Where that is not known, battery and number of examples are named.
        database: where it is stored, unless that is the default.

    Returns:
        Words as a POSIX shell takes them apart; for a model that was scored in memory, a call in
        Python.
    """
    return _command(entry, probe, _rest(entry, among, database))


def reproduce_commands(entry: Entry, among: Iterable[Entry | Summary]) -> dict[str, str]:
    """The command of :func:`reproduce_command` for each of an entry's answers.

    Args:
        entry: what is stored.
        among: everything stored of this model and of others of its name.
    """
    rest = _rest(entry, among)
    return {probe: _command(entry, probe, rest) for probe in entry.answers}


def _command(entry: Entry, probe: str | None, rest: tuple[str, list[str]]) -> str:
    probes = PARTS if probe == "nonsingular" else (probe,) if probe else ()
    if entry.card.source == "memory":
        return _evaluate(entry, probes)
    name, words = rest
    words = [word for each in probes for word in ("--probe", each)] + words
    # A name like an option's comes last, behind the mark that ends options.
    words = [*words, "--", name] if name.startswith("-") else [name, *words]
    return shlex.join(["nonsingular", "reproduce", *words])


def _rest(
    entry: Entry, among: Iterable[Entry | Summary] | None, database: str | None = None
) -> tuple[str, list[str]]:
    """What the commands of an entry's answers share: the model, and options but the probes."""
    card, own = entry.card, _place(entry)
    others = None if among is None else [_place(each) for each in among]
    words = _apart(own, others)
    words += ["--seed", str(own.seed)] if own.seed else []
    words += ["--split", own.split] if own.split != "test" else []
    words += _file(card)
    words += ["--database", database] if database else []
    return own.fingerprint[:SHORT] if _shared(own, others or []) else card.name, words


def bench_command(entry: Entry) -> str:
    """One line that computes all scores afresh, with nothing but the model at hand."""
    card, where = entry.card, entry.provenance
    probes = _not_by_default(entry)
    if card.source == "memory":
        return _evaluate(entry, probes)
    command = ["nonsingular", "bench"]
    if card.source not in NAMELESS:
        command.append(card.name)
    else:
        command += _file(card)
        if not card.brings_network:
            command += ["--architecture", card.architecture]
        command += ["--weights", card.weights] if card.weights else []
        command += ["--mean", _numbers(card.mean), "--std", _numbers(card.std)]
    command += ["--battery", where.battery, "--examples", str(where.examples)]
    command += ["--split", "train"] if entry.on_training_data else []
    command += ["--seed", str(where.seed)]
    if where.device != "cpu":
        command += ["--device", where.device]
    for probe in probes:
        command += ["--probe", probe]
    return shlex.join(command)


@dataclass(frozen=True)
class _Place:
    """What tells stored results apart."""

    name: str
    fingerprint: str
    battery: str
    battery_sha256: str
    seed: int
    split: str
    examples: int


def _place(entry: Entry | Summary) -> _Place:
    where = entry.provenance if isinstance(entry, Entry) else entry
    return _Place(
        entry.card.name,
        where.fingerprint,
        where.battery,
        where.battery_sha256,
        where.seed,
        where.split,
        where.examples,
    )


def _shared(own: _Place, others: Sequence[_Place]) -> bool:
    """Whether the name may stand for another model as well."""
    return any(
        each.fingerprint != own.fingerprint and may_mean(own.name, each.fingerprint, each.name)
        for each in others
    )


def _apart(own: _Place, others: Sequence[_Place] | None) -> list[str]:
    """Options that tell a result from the others of its model, seed and split."""
    if others is None:
        return ["--battery", own.battery, "--examples", str(own.examples)]
    place = (own.fingerprint, own.seed, own.split)
    rivals = [each for each in others if (each.fingerprint, each.seed, each.split) == place]
    options: list[str] = []
    strangers = [each for each in rivals if each.battery_sha256 != own.battery_sha256]
    if strangers:
        twin = any(each.battery == own.battery for each in strangers)
        options += ["--battery", own.battery_sha256[:SHORT] if twin else own.battery]
    same = [each for each in rivals if each.battery_sha256 == own.battery_sha256]
    if any(each.examples != own.examples for each in same):
        options += ["--examples", str(own.examples)]
    return options


def _file(card: Card) -> list[str]:
    """How the file of a model without a name is given."""
    if card.source not in NAMELESS:
        return []
    trust = ["--trust"] if card.architecture.startswith("pt2:") else []
    return ["--checkpoint", card.checkpoint or "FILE", *trust]


def _evaluate(entry: Entry, probes: Sequence[str]) -> str:
    where = entry.provenance
    asked = f", probes={list(probes)!r}" if probes else ""
    return f"evaluate(model, images, labels, battery={where.battery!r}{asked}, seed={where.seed})"


def _not_by_default(entry: Entry) -> list[str]:
    """The probes to name: none where those that ran are the battery's own default."""
    ran = list(entry.results)
    return [] if set(ran) == set(entry.battery.get("default", ())) else ran


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value!r}" for value in values)
