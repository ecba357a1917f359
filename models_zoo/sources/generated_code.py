"""Checks Python code that torch.fx generates from a graph against a grammar before it is executed.

torch.fx writes the names of layers and tensors into source code unescaped. Names from files never
get there (see :mod:`models_zoo.sources.onnx_renaming`); this is the second safeguard: code that
calls anything but the network's own layers and a few named functions is not run.

The grammar, in which ``value`` is the input or what a line before computed::

    line = name "=" (path | call | value "[" int "]" | simple) | "return" simple
    call = (path | "torch." function | value "." method) "(" simple, ..., name "=" simple, ... ")"
    path = "self" ("." name)+, parts that are numbers by getattr
    simple = value | None | bool | int | float | a tuple or list of simple
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection

from torch import fx

from models_zoo.errors import InputError

INPUT = "images"
"""Name of the input in the code of a converted network."""

FUNCTIONS = frozenset(("add", "div", "mul", "sub"))
"""Functions of torch that the code may call."""

METHODS = frozenset(("reshape", "transpose"))
"""Methods of tensors that the code may call."""

_PLAIN = re.compile(r"(?!__)[A-Za-z0-9_]{1,256}", re.ASCII)


def guard(graph: fx.Graph) -> fx.Graph:
    """Check all code that is generated from a graph, now and later, with :func:`check_code`.

    Args:
        graph: its only input is called :data:`INPUT`; changed in place.

    Returns:
        The graph.
    """
    graph.on_generate_code(_before)
    return graph


def check_code(body: list[str]) -> list[str]:
    """Refuse generated code that does not have the form of converted networks.

    Args:
        body: pieces of the body of ``forward``, as torch.fx writes them; returned unchanged.

    Raises:
        InputError: it contains anything else.
    """
    try:
        tree = ast.parse("".join(body))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError("the names in a network make no Python; it was not run") from error
    known = {INPUT}
    for line in tree.body:
        if not _is_line(line, known):
            raise InputError(
                "the names in a network would make Python that does more than call its layers; "
                "nothing of it was run"
            )
    return body


Transformer = Callable[[list[str]], list[str]]


def _before(current: Transformer | None) -> Transformer:
    if current is not None:
        raise TypeError("something else changes the code of this graph already")
    return check_code


def _is_line(line: ast.stmt, known: set[str]) -> bool:
    if isinstance(line, ast.Return):
        return line.value is not None and _is_simple(line.value, known)
    if not isinstance(line, ast.Assign) or not _is_computed(line.value, known):
        return False
    for target in line.targets:
        if not isinstance(target, ast.Name) or not _is_free(target.id):
            return False
        known.add(target.id)
    return True


def _is_free(name: str) -> bool:
    return bool(_PLAIN.fullmatch(name)) and name not in ("self", "torch", "getattr")


def _is_computed(node: ast.expr, known: Collection[str]) -> bool:
    if isinstance(node, ast.Subscript):
        return _is_value(node.value, known) and _is_number(node.slice)
    if _is_path(node) or _is_simple(node, known):
        return True
    return (
        isinstance(node, ast.Call)
        and _is_callable(node.func, known)
        and all(_is_simple(each, known) for each in node.args)
        and all(each.arg and _PLAIN.fullmatch(each.arg) for each in node.keywords)
        and all(_is_simple(each.value, known) for each in node.keywords)
    )


def _is_callable(node: ast.expr, known: Collection[str]) -> bool:
    if _is_path(node):
        return True
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return False
    if node.value.id == "torch":
        return node.attr in FUNCTIONS
    return node.value.id in known and node.attr in METHODS


def _is_path(node: ast.expr) -> bool:
    """Whether it is an attribute of the network: ``self.a.b``, ``getattr(self.a, "0")``."""
    steps = 0
    while True:
        if isinstance(node, ast.Attribute):
            name: object = node.attr
            node = node.value
        elif isinstance(node, ast.Call) and len(node.args) == 2 and not node.keywords:
            if not isinstance(node.func, ast.Name) or node.func.id != "getattr":
                return False
            name = node.args[1].value if isinstance(node.args[1], ast.Constant) else None
            node = node.args[0]
        else:
            return steps > 0 and isinstance(node, ast.Name) and node.id == "self"
        if not isinstance(name, str) or not _PLAIN.fullmatch(name):
            return False
        steps += 1


def _is_simple(node: ast.expr, known: Collection[str]) -> bool:
    if isinstance(node, ast.Tuple | ast.List):
        return all(_is_simple(each, known) for each in node.elts)
    return _is_value(node, known) or _is_number(node)


def _is_value(node: ast.expr, known: Collection[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in known


def _is_number(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and (
        node.value is None or isinstance(node.value, bool | int | float)
    )
