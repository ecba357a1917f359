"""The table of names in ``docs/library.md``; ``python -m nonsingular.documentation`` writes it."""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import nonsingular
from models_zoo.errors import InputError

_HEAD = "| name | what it is |\n|---|---|\n"
_ROLE = re.compile(r":\w+:`~?([^`]+)`")


def names_table() -> str:
    """A row per public name, with the first sentence of its documentation."""
    return _HEAD + "".join(f"| `ns.{name}` | {_summary(name)} |\n" for name in nonsingular.__all__)


def with_names(page: str) -> str:
    """The page with its table of names, which is the last thing on it, brought up to date.

    Raises:
        InputError: it has no such table.
    """
    text, head, _ = page.partition(_HEAD)
    if not head:
        raise InputError("the page has no table of names; restore its head")
    return text + names_table()


def _summary(name: str) -> str:
    if name == "__version__":
        return "The version of the package."
    text = (inspect.getdoc(getattr(nonsingular, name)) or "").split("\n\n")[0]
    return _ROLE.sub(r"`\1`", " ".join(text.split())).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/library.md")
    place.write_text(with_names(place.read_text("utf-8")), "utf-8")
