"""The leaderboard asks probes about themselves: it contains no list of their names."""

import ast
import re

import pytest

from benchmark.probes import PROBES

NAMES_PROBES = ("leaderboard/findings/", "leaderboard/store/migrations/")
"""Findings are about named probes; migrations convert what earlier versions stored."""

OTHER_MEANINGS = {("leaderboard/store/rows.py", "bits"): "a column of the table of outcomes"}
"""Texts that happen to equal the name of a probe."""


def strings(tree: ast.Module) -> list[tuple[int, str]]:
    """Every text in a file with its line, docstrings left out."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def names_a_probe(text: str) -> bool:
    """Whether a text is a probe's name, or a key that begins with one."""
    return re.fullmatch(rf"({'|'.join(map(re.escape, PROBES))})(\.\w*)?", text) is not None


def test_no_module_of_the_leaderboard_names_a_probe(sources):
    found = [
        f"{source.path}:{line}: {text!r}"
        for source in sources
        if source.path.as_posix().startswith("leaderboard/")
        and not source.path.as_posix().startswith(NAMES_PROBES)
        for line, text in strings(source.tree)
        if names_a_probe(text) and (source.path.as_posix(), text) not in OTHER_MEANINGS
    ]
    assert found == []


@pytest.mark.parametrize("text", ["input", "input.robust_accuracy", "weight."])
def test_the_test_above_finds_names(text):
    tree = ast.parse(f'"""input"""\nX = {{{text!r}: 1}}')
    assert [each for _, each in strings(tree) if names_a_probe(each)] == [text]
