"""Identifiers use the words of the field: robust, broken, budget, restart, gradient, ascent."""

from __future__ import annotations

import ast
import re

import pytest

REPLACED = {
    "climb": "ascend, run",
    "climbs": "ascents",
    "crowd": "n_attacked",
    "duel": "gradient_versus_random_search",
    "fallen": "broken",
    "fell": "broken",
    "implant": "backdoor_loss",
    "ladder": "budgets",
    "ladders": "budgets",
    "lane": "restart",
    "lanes": "restarts",
    "promise": "target_progress",
    "rung": "budget",
    "rungs": "budgets",
    "slope": "gradient",
    "slopes": "gradients",
    "standing": "robust, n_robust",
    "strike": "candidate",
    "thrift": "share_scale",
}
"""Words that a reader of the literature does not know, with what to write."""

KEPT = {
    # A key of frozen batteries.
    "benchmark/probes/distance/settings.py": {"rungs"},
    "benchmark/probes/distance/probe.py": {"rungs"},
    "leaderboard/exports/record.py": {"standing"},  # a field of published records
    "benchmark/certificates/operations.py": {"negative_slope"},  # PyTorch's
}


def identifiers(tree: ast.Module) -> set[str]:
    """Every name that a file gives to something, and every attribute it uses."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def words(identifier: str) -> list[str]:
    """The words of ``snake_case``, ``CamelCase`` or ``UPPER_CASE``."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)
    return [part.lower() for part in parts]


def test_identifiers_use_the_words_of_the_field(sources):
    found = [
        f"{source.path}: {name}: write {REPLACED[word]}"
        for source in sources
        for name in sorted(identifiers(source.tree) - KEPT.get(source.path.as_posix(), set()))
        for word in words(name)
        if word in REPLACED
    ]
    assert found == []


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("run_lanes", ["run", "lanes"]),
        ("InputStrike", ["input", "strike"]),
        ("LADDERS", ["ladders"]),
        ("APGDSlope", ["apgd", "slope"]),
        ("_fell2", ["fell"]),
    ],
)
def test_identifiers_are_split_into_words(identifier, expected):
    assert words(identifier) == expected
