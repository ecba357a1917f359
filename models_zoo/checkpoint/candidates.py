"""Choosing one of the sets of weights in a file; training scripts may save several."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models_zoo.checkpoint.stored import Stored, Unusable
from models_zoo.display import shown
from models_zoo.errors import InputError, unknown_name

NESTINGS = (
    *("state_dict", "model_state_dict", "model", "net", "network", "weights", "params"),
    *("module", "model_state", "net_state_dict", "student"),
)
"""Keys under which training scripts store the weights along with other things, in order of
preference."""

RAW, AVERAGED = "raw", "ema"
"""Choices other than the name of a set: the trained weights, or their moving average."""

Found = dict[str, Stored | Unusable]

_SKIPPED = ("optim", "sched", "scaler", "amp", "rng", "_metadata", "callbacks", "loops")
_AVERAGES = re.compile(
    r"(^|[^a-z])(ema|shadow|averaged?|avg|swa|polyak|teacher|target)([^a-z]|$)|^ema|ema$"
)
_DEPTH = 4
_LISTED = 5


@dataclass(frozen=True)
class Choice:
    """The set of weights that is used.

    Attributes:
        tensors: by name.
        name: its name in the file; ``None`` if there was no choice.
        notes: what a user should know about the choice.
    """

    tensors: Found
    name: str | None
    notes: tuple[str, ...]


def choose(content: object, weights: str | None, called: str) -> Choice:
    """Find the sets of weights in the content of a file, and choose one.

    Args:
        content: nested dictionaries with descriptions of tensors.
        weights: :data:`RAW`, :data:`AVERAGED`, the name of a set, or ``None`` for the trained ones.
        called: the name of the file in messages.

    Raises:
        InputError: there are none, or the requested one is missing.
    """
    sets = _sets(content)
    if not sets:
        raise InputError(
            f"{called} holds {_kind(content)}, not named tensors; save model.state_dict()"
        )
    name = _pick(sets, weights, called)
    tensors, left = _tensors(sets[name], called)
    notes = []
    if left:
        notes.append(f"left out of its weights: {_listed(left)}, which are not tensors")
    others = [each for each in sets if each != name and 2 * len(sets[each]) >= len(tensors)]
    if len(sets) > 1 and others:
        notes.append(
            f"took the weights {shown(name)} of its file, which also holds {_listed(others)}; "
            f"choose with --weights, weights= or ?weights= ({RAW}, {AVERAGED} or a name)"
        )
        notes += _completed(tensors, name, sets, called)
    elif name and _is_average(name):
        notes.append(f"took {shown(name)}, the moving averages; its file has no other weights")
    return Choice(tensors, name if others else None, tuple(notes))


def _sets(content: object) -> dict[str, Mapping[Any, Any]]:
    """Every dictionary with tensors that is reached through names, by its path."""
    found: dict[str, Mapping[Any, Any]] = {}
    seen: set[int] = set()
    waiting: list[tuple[object, tuple[str, ...]]] = [(content, ())]
    while waiting:
        value, path = waiting.pop(0)
        if not isinstance(value, dict) or id(value) in seen:
            continue
        seen.add(id(value))
        if any(isinstance(each, Stored | Unusable) for each in value.values()):
            found[".".join(path)] = value
        if len(path) < _DEPTH:
            waiting += [
                (inner, (*path, key))
                for key, inner in value.items()
                if isinstance(inner, dict) and isinstance(key, str) and not _is_skipped(key)
            ]
    return _without_outer(_split(found))


def _is_skipped(key: str) -> bool:
    return key.lower().startswith(_SKIPPED)


def _without_outer(sets: dict[str, Mapping[Any, Any]]) -> dict[str, Mapping[Any, Any]]:
    """Remove dictionaries of only a few tensors, such as a counter, next to a set of weights."""
    known = any(each and (_rank(each) < len(NESTINGS) or _is_average(each)) for each in sets)
    counts = {each: _count(value) for each, value in sets.items()}
    return {
        each: value
        for each, value in sets.items()
        if (each or not known)
        and not any(
            other.startswith(f"{each}.") and count > counts[each] for other, count in counts.items()
        )
    }


def _count(values: Mapping[Any, Any]) -> int:
    return sum(isinstance(each, Stored | Unusable) for each in values.values())


def _split(sets: dict[str, Mapping[Any, Any]]) -> dict[str, Mapping[Any, Any]]:
    """Separate the sets that are stored in one dictionary, such as ``net.`` and ``net_ema.``."""
    found: dict[str, Mapping[Any, Any]] = {}
    for place, values in sets.items():
        groups: dict[str, dict[str, Any]] = {}
        for key, value in values.items():
            if isinstance(key, str) and "." in key and isinstance(value, Stored | Unusable):
                first, _, rest = key.partition(".")
                groups.setdefault(first, {})[rest] = value
        averaged = [each for each in groups if _is_average(each)]
        raw = [each for each in groups if each not in averaged]
        pairs = [(a, b) for a in raw for b in averaged[:9] if _alike(groups[a], groups[b])][:1]
        if not pairs:
            found[place] = values
        for each in (each for pair in pairs for each in pair):
            found[f"{place}.{each}" if place else each] = groups[each]
    return found


def _alike(raw: dict[str, Any], averaged: dict[str, Any]) -> bool:
    """Whether the names of one are those of the other, with at most one more word in front."""
    shorter = {each.partition(".")[2] for each in averaged}
    return len(averaged) > 1 and (averaged.keys() <= raw.keys() or shorter <= raw.keys())


def _pick(sets: Mapping[str, object], weights: str | None, called: str) -> str:
    raw = [each for each in sets if not _is_average(each)]
    averaged = [each for each in sets if _is_average(each)]
    if weights is not None and weights in sets:
        return weights
    if weights == AVERAGED:
        return _only(averaged, "moving averages", sets, called)
    if weights not in (None, RAW):
        known = [RAW, AVERAGED, *(each for each in sets if each)][: 2 + _LISTED]
        raise unknown_name(f"set of weights of {called}", str(weights), known)
    ranks = sorted(raw, key=_rank)
    if ranks and (_rank(ranks[0]) < len(NESTINGS) or len(ranks) == 1):
        return ranks[0]
    if not raw and weights is None:
        return _only(averaged, "weights", sets, called)
    return _only(raw, "weights", sets, called)


def _only(among: Sequence[str], what: str, sets: Mapping[str, object], called: str) -> str:
    if len(among) == 1:
        return among[0]
    names = [each for each in sets if each]
    if not among:
        raise InputError(
            f"{called} holds no {what}, only {_listed(names) if names else 'one set of weights'}; "
            "leave --weights out"
        )
    raise InputError(
        f"{called} holds several sets of {what}: {_listed(among)}; "
        f"choose one by its name, such as --weights {shown(among[0])}"
    )


def _rank(place: str) -> int:
    first = place.partition(".")[0].lower()
    return NESTINGS.index(first) if first in NESTINGS else len(NESTINGS) + (place != "")


def _is_average(place: str) -> bool:
    return any(_AVERAGES.search(part) for part in place.lower().split("."))


def _tensors(values: Mapping[Any, Any], called: str) -> tuple[Found, list[str]]:
    """The tensors of a set, and the names of entries that are not tensors."""
    tensors: Found = {}
    left = []
    for key, value in values.items():
        if not isinstance(key, str):
            left.append(_kind(key))  # a key's text can be endless: tuples of tuples
        elif isinstance(value, Stored | Unusable):
            tensors[key] = value
        elif "numpy" in _kind(value) and "scalar" not in _kind(value):
            raise InputError(
                f"{called} is refused: it stores {shown(key)} as a NumPy array; save tensors"
            )
        else:
            left.append(key)
    return tensors, left


def _completed(
    tensors: Found, name: str, sets: Mapping[str, Mapping[Any, Any]], called: str
) -> list[str]:
    """Add the buffers, which moving averages of parameters lack, from the trained weights."""
    if not _is_average(name):
        return []
    for other in sorted((each for each in sets if not _is_average(each)), key=_rank):
        trained, _ = _tensors(sets[other], called)
        missing = [key for key in trained if key not in tensors]
        if missing and tensors.keys() < trained.keys():
            tensors.update({key: trained[key] for key in missing})
            return [f"{len(missing)} tensors that {shown(name)} lacks are those of {shown(other)}"]
    return []


def _listed(names: Sequence[str]) -> str:
    text = ", ".join(shown(each, 40) for each in names[:_LISTED])
    return f"{text} and {len(names) - _LISTED} more" if len(names) > _LISTED else text


def _kind(value: object) -> str:
    return str(getattr(value, "kind", None) or f"a {type(value).__name__}")
