"""The list of slow tests names what exists, so that a renamed test does not become a quick one."""

import ast
from functools import cache
from pathlib import Path

import pytest


@pytest.fixture
def named(root: Path) -> list[str]:
    lines = (root / "tests" / "slow_tests.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


@cache
def functions_of(file: Path) -> frozenset[str]:
    body = ast.parse(file.read_text("utf-8")).body
    return frozenset(each.name for each in body if isinstance(each, ast.FunctionDef))


def test_every_line_names_a_folder_a_file_or_a_test_and_all_are_in_order(root, named):
    for line in named:
        path, _, function = line.partition("::")
        place = root / "tests" / path
        assert place.is_dir() if path.endswith("/") else place.is_file(), line
        assert not function or function in functions_of(place), line
    assert len(named) > 100
    folders = [line for line in named if line.endswith("/")]
    assert named == sorted(folders) + sorted(set(named) - set(folders))


def test_what_is_listed_is_marked_and_nothing_else_is(request, named):
    for item in request.session.items:
        path = item.path.relative_to(Path(__file__).parents[1]).as_posix()
        listed = path in named or f"{path}::{item.originalname}" in named
        listed |= any(line.endswith("/") and path.startswith(line) for line in named)
        assert (item.get_closest_marker("slow") is not None) == listed, item.nodeid
