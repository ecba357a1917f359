"""Finding a stored result by its model's name or fingerprint, battery, seed and images."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmark.datasets import Dataset
from leaderboard.store import Entry, Store
from models_zoo.display import shown
from models_zoo.errors import SHOWN, InputError, unknown_name
from models_zoo.sources import parse_reference

HASH_DIGITS = 12
"""Number of digits of a hash that messages and commands show."""

_DIGITS = re.compile(r"[0-9a-fA-F]{8,64}")
"""A SHA-256 hash, or at least its first 8 digits."""


def find_model(names: Mapping[str, str], asked: str) -> str:
    """The fingerprint of the stored model that a user asks for.

    Args:
        names: names of the stored models, by fingerprint.
        asked: a name, with or without options such as ``?file=``, a fingerprint, or at least its
            first 8 digits.

    Raises:
        InputError: there is no such model, or there are several.
    """
    if asked in names:  # a fingerprint wins over a model that has it as its name
        return asked
    found = [key for key, name in names.items() if may_mean(asked, key, name)]
    if not found:
        raise unknown_name("stored model", asked, names.values())
    if len(found) > 1:
        choices = _listed(
            f"{fingerprint[:HASH_DIGITS]} ({names[fingerprint]})" for fingerprint in found
        )
        raise InputError(
            f"{shown(asked)} may be any of {choices}; give the fingerprint in place of it"
        )
    return found[0]


def may_mean(asked: str, fingerprint: str, name: str) -> bool:
    """Whether ``asked`` matches the model with this fingerprint and name."""
    return name in (asked, without_local_options(asked)) or begins(fingerprint, asked)


def without_local_options(name: str) -> str:
    """A foreign model's name as on its card; any other name unchanged."""
    try:
        reference = parse_reference(name)
    except InputError:  # a submitted model's name may look like a source
        return name
    return name if reference is None else reference.name


def find_entries(
    store: Store,
    asked: str,
    *,
    battery: str | None = None,
    seed: int = 0,
    split: str = "test",
    examples: int | None = None,
) -> list[Entry]:
    """The stored results that a user asks for: one, or several that differ only in their images.

    Args:
        store: the store to search.
        asked: the model, see :func:`find_model`.
        battery: name of the battery, or at least 8 of the first digits of its hash.
        seed: root of the random draws.
        split: ``"test"``, or ``"train"`` for results on images that models were trained on.
        examples: number of images.

    Raises:
        InputError: there are none, or they differ in something else; the message says in what.
    """
    fingerprint = find_model(store.names(), asked)
    entries = store.entries(fingerprints=[fingerprint])
    if not entries:
        raise InputError(
            f"no stored result of {shown(asked)} can be read; compute them again with "
            "'nonsingular bench'"
        )
    kept = _narrow(asked, entries, "--split", split, lambda entry: entry.provenance.split)
    if battery is not None:
        kept = _of_battery(asked, kept, battery)
    kept = _narrow(asked, kept, "--seed", seed, lambda entry: entry.provenance.seed)
    if len({entry.provenance.battery_sha256 for entry in kept}) > 1:
        raise InputError(f"{asked} is stored with {_batteries(kept)}; give one with --battery")
    if examples is not None:
        kept = _narrow(asked, kept, "--examples", examples, lambda entry: entry.provenance.examples)
    counts = sorted({entry.provenance.examples for entry in kept})
    if len(counts) > 1:
        listed = _listed(map(str, counts))
        raise InputError(f"{asked} is stored on {listed} images; give one number with --examples")
    return kept


def entry_on_images(entries: Sequence[Entry], data: Dataset) -> Entry:
    """Of results that differ only in their images, the one on these images.

    Raises:
        InputError: there is none.
    """
    for entry in entries:
        if entry.provenance.data_sha256 == data.sha256:
            return entry
    stored = " or ".join(entry.provenance.data_sha256[:HASH_DIGITS] for entry in entries)
    raise InputError(
        f"the {len(data)} examples of {shown(data.name)} have the hash "
        f"{data.sha256[:HASH_DIGITS]}, the stored result's {stored}; give their file with --data"
    )


def _narrow(
    asked: str, entries: Sequence[Entry], option: str, wanted: object, of: Callable[[Entry], object]
) -> list[Entry]:
    """The entries that have an option's value.

    Raises:
        InputError: none has it.
    """
    kept = [entry for entry in entries if of(entry) == wanted]
    if not kept:
        known = _listed(dict.fromkeys(f"{option} {of(entry)}" for entry in entries))
        raise InputError(f"{asked} is not stored with {option} {wanted}; give {known}")
    return kept


def _of_battery(asked: str, entries: Sequence[Entry], battery: str) -> list[Entry]:
    kept = [
        entry
        for entry in entries
        if entry.provenance.battery == battery or begins(entry.provenance.battery_sha256, battery)
    ]
    if not kept:
        known = {entry.provenance.battery for entry in entries}
        raise unknown_name(f"stored battery of {asked}", battery, known)
    return kept


def _batteries(entries: Sequence[Entry]) -> str:
    """Batteries by name, or by hash where several have the same name."""
    names = {entry.provenance.battery_sha256: entry.provenance.battery for entry in entries}
    return _listed(
        name if list(names.values()).count(name) == 1 else f"{sha256[:HASH_DIGITS]} ({name})"
        for sha256, name in names.items()
    )


def begins(sha256: str, digits: str) -> bool:
    """Whether a text is a hash, or at least the first 8 digits of it.

    Args:
        sha256: the hash.
        digits: the text.
    """
    return bool(_DIGITS.fullmatch(digits)) and sha256.startswith(digits.lower())


def _listed(words: Iterable[str]) -> str:
    text = ", ".join(words)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
