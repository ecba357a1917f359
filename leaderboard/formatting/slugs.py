"""File names for arbitrary names."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MAX_LENGTH = 60


def slug(name: str) -> str:
    """Lower-case letters, digits and single hyphens of ``name``, at most 60; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower())[:_MAX_LENGTH].strip("-") or "unnamed"


def unique_slugs(names: Mapping[str, str]) -> dict[str, str]:
    """A unique slug for each key, stable as long as entries are only added at the end.

    Args:
        names: name by key; a key is a hexadecimal hash, whose first digits are appended to
            duplicate slugs.
    """
    slugs: dict[str, str] = {}
    taken: set[str] = set()
    for key, name in names.items():
        candidates = (f"{slug(name)}-{key[:n]}" for n in range(8, len(key) + 1, 8))
        chosen = slug(name)
        while chosen in taken:
            chosen = next(candidates)
        slugs[key] = chosen
        taken.add(chosen)
    return slugs
