"""Removing what wrappers add to the names of weights: ``module.``, ``_orig_mod.``, ``model.``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

WRAPPERS = (
    "module",
    "_orig_mod",
    "_fsdp_wrapped_module",
    "_fpw_module",
    "_checkpoint_wrapped_module",
)
"""What ``DataParallel``, ``torch.compile``, FSDP and activation checkpointing add to names, at the
start and in the middle."""

V = TypeVar("V")


def without_wrappers(
    weights: Mapping[str, V], expected: Collection[str] = ()
) -> tuple[dict[str, V], list[str]]:
    """Weights by names without :data:`WRAPPERS`, and the wrappers that were removed.

    Args:
        weights: by name.
        expected: names that the network has; what is a part of one of them is kept.

    Returns:
        The weights, unchanged if two of them would get the same name.
    """
    own = {part for name in expected for part in name.split(".")}
    dropped = [each for each in WRAPPERS if each not in own]
    renamed, found = {}, set()
    for name, value in weights.items():
        parts = name.split(".")
        kept = [part for part in parts[:-1] if part not in dropped]
        found |= {part for part in parts[:-1] if part in dropped}
        renamed[".".join([*kept, parts[-1]])] = value
    if len(renamed) != len(weights):
        return dict(weights), []
    return renamed, [each for each in WRAPPERS if each in found]


def prefixes(names: Collection[str], required: Collection[str]) -> list[str]:
    """The prefixes under which a whole network is present, the shortest first.

    Args:
        names: of the weights of one or several networks, and of other things.
        required: names that the network must have.

    Returns:
        Every prefix, empty or ending in a dot, with which all of ``required`` are present.
    """
    if not required:
        return []
    anchor = max(required, key=lambda name: (name.count("."), len(name), name))
    found = [
        name.removesuffix(anchor) for name in names if name == anchor or name.endswith(f".{anchor}")
    ]
    known = set(names)
    whole = [each for each in found if all(f"{each}{name}" in known for name in required)]
    return sorted(whole, key=lambda each: (each.count("."), each))


def nearest_prefix(names: Collection[str], required: Collection[str]) -> str:
    """The prefix with which most of a network's names are present; may be empty."""
    known = set(names)
    heads = {""} | {
        ".".join(parts[:depth]) + "."
        for parts in (name.split(".") for name in names)
        for depth in range(1, min(len(parts), 4))
    }
    if len(heads) > 64:  # unknown names; the message can do without the prefix
        return ""
    ranked = sorted(heads, key=lambda each: (each.count("."), each))
    return max(ranked, key=lambda each: sum(f"{each}{name}" in known for name in required))
