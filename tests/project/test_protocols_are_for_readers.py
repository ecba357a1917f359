"""What a protocol says is for readers: no code looks a value up in one."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("models_zoo", "benchmark", "leaderboard", "perf")
LOOKS_UP = {"get", "pop", "setdefault"}


def is_protocol(node: ast.expr) -> bool:
    """Whether an expression is a protocol: an attribute or a variable of that name."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name == "protocol"


def lookups(source: str) -> list[int]:
    """Lines that read a value of a protocol by its key."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Subscript):
            reads = isinstance(node.ctx, ast.Load) and is_protocol(node.value)
        elif isinstance(node, ast.Compare):
            reads = any(
                isinstance(operator, ast.In | ast.NotIn) and is_protocol(operand)
                for operator, operand in zip(node.ops, node.comparators, strict=True)
            )
        else:
            reads = (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in LOOKS_UP
                and is_protocol(node.func.value)
            )
        if isinstance(node, ast.expr) and reads:
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_looks_a_value_up_in_a_protocol(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    found = [
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        for line in lookups(file.read_text("utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("result.protocol['steps']", 1),
        ("result.protocol.get('steps')", 1),
        ("protocol.pop('steps')", 1),
        ("'steps' in entry.results[name].protocol", 1),
        ("protocol['steps'] = 3", 0),
        ("result.protocol.items()", 0),
        ("settings['steps']", 0),
    ],
)
def test_a_lookup_is_recognized(source, count):
    assert len(lookups(source)) == count
