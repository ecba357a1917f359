"""Which part of a package may import which: one direction, late imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ORDER = (
    "terminal",
    "formatting",
    "effects",
    "output_paths",
    "store",
    "sandbox",
    "submissions",
    "jobs",
    "reruns",
    "archives",
    "reported",
    "charts",
    "board",
    "findings",
    "exports",
    "pages",
    "service",
    "commands",
    "cli",
    "documentation",
)
"""The parts of ``leaderboard``: each may import only those before it."""

Edges = set[tuple[str, str, str]]
"""The importing part, the imported part and the importing file."""


def module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(tree: ast.Module) -> Iterator[str]:
    """Every module that a file imports by its full name, and every name taken from one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(module: str, parts: Iterable[str]) -> str:
    """The part of a package that a module belongs to; ``__init__`` for the package's own file."""
    second = module.split(".")[1:2]
    return second[0] if second and second[0] in parts else "__init__"


def edges_of(package: str, files: dict[Path, ast.Module]) -> Edges:
    """All imports between the parts of a package."""
    parts = {name.split(".")[1] for path in files if "." in (name := module_name(path))}
    return {
        (here, there, str(path))
        for path, tree in files.items()
        for here in [part_of(module_name(path), parts)]
        for module in imported_modules(tree)
        if module.split(".")[0] == package
        for there in [part_of(module, parts)]
        if there != here
    }


def cycle_in(edges: Edges) -> list[str]:
    """Parts that import each other in a circle; empty if there is no circle."""
    edges = {(here, there, path) for here, there, path in edges if here != there}
    while True:
        importing, imported = {here for here, _, _ in edges}, {there for _, there, _ in edges}
        within = importing & imported
        inner = {edge for edge in edges if edge[0] in within and edge[1] in within}
        if inner == edges:
            return sorted(within)
        edges = inner


def files_of(package, sources):
    return {source.path: source.tree for source in sources if source.package == package}


def test_the_leaderboard_imports_in_the_order_that_is_written_down(sources):
    edges = edges_of("leaderboard", files_of("leaderboard", sources))
    assert len(edges) > 100
    places = {part: place for place, part in enumerate(ORDER)}
    wrong = [
        f"{path} imports {there}"
        for here, there, path in sorted(edges)
        if places[here] <= places[there]
    ]
    assert wrong == []


def test_every_part_of_the_leaderboard_has_its_place_in_the_order(sources):
    parts = {path.with_suffix("").parts[1] for path in files_of("leaderboard", sources)}
    assert parts == {*ORDER, "__init__"}


@pytest.mark.parametrize("package", ["models_zoo", "benchmark", "leaderboard", "nonsingular"])
def test_no_two_parts_of_a_package_import_each_other(sources, package):
    edges = edges_of(package, files_of(package, sources))
    assert len(edges) > 10
    assert cycle_in(edges) == []


def test_the_rule_sees_imports_inside_functions_and_of_names():
    files = {
        Path("package/one/a.py"): ast.parse("def f():\n    from package import two"),
        Path("package/two/b.py"): ast.parse("import package.three.c"),
        Path("package/three/c.py"): ast.parse("from package.one.a import f"),
        Path("package/four.py"): ast.parse("from package.three import c\nimport json"),
    }
    edges = edges_of("package", files)
    assert {(here, there) for here, there, _ in edges} == {
        ("one", "two"),
        ("two", "three"),
        ("three", "one"),
        ("four", "three"),
    }
    assert cycle_in(edges) == ["one", "three", "two"]
