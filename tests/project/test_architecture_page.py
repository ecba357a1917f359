"""``docs/architecture.md`` names files, functions and classes that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PAGE = Path("docs/architecture.md")

STEP = re.compile(r"^\| \d+ \| `([^`]+)` \| ([^|]*)\|", re.M)
"""A row of the walk from the battery to the table cell: its file and its names."""


def steps() -> list[tuple[str, list[str]]]:
    return [
        (path, re.findall(r"`([^`]+)`", names)) for path, names in STEP.findall(PAGE.read_text())
    ]


def names_in(source: str) -> set[str]:
    """Functions and classes of a module, methods as ``Class.method``."""
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            found |= {f"{node.name}.{method.name}" for method in methods}
    return found


@pytest.mark.parametrize(("path", "names"), [step for step in steps() if step[1]])
def test_every_function_of_the_walk_exists(path, names):
    assert set(names) <= names_in(Path(path).read_text("utf-8"))


def test_the_walk_is_counted_right():
    page = PAGE.read_text("utf-8")
    names = sum(len(names) for _, names in steps())
    assert f"These are {len(steps())} files and {names} functions and classes" in page
    assert len({path for path, _ in steps()}) == len(steps())


def test_every_path_on_the_page_exists():
    paths = re.findall(
        r"`((?:benchmark|leaderboard|models_zoo|tests|docs)/[^`<]*)`", PAGE.read_text()
    )
    assert len(paths) > 40
    assert [path for path in paths if not Path(path).exists()] == []
