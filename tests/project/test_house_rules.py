"""The code's own bar, read from the syntax tree."""

import ast
import re
import statistics
import subprocess
import sys

import pytest

ABOUT_TEXTS = re.compile(r"token\w*|\btexts?\b|\blanguages?\b", re.IGNORECASE)
"""What only modules about one kind of inputs may say."""

ALLOWED = {
    "models_zoo": {"models_zoo"},
    "benchmark": {"models_zoo", "benchmark"},
    "leaderboard": {"models_zoo", "benchmark", "leaderboard"},
    "nonsingular": {"models_zoo", "benchmark", "leaderboard", "nonsingular"},
}
UNPICKLERS = {"pickle.load", "pickle.loads", "pickle.Unpickler", "joblib.load"}


def imported_packages(tree):
    """Top-level packages that a file imports, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else None
            name = function.id if isinstance(function, ast.Name) else name
            if name in {"import_module", "__import__"} and isinstance(node.args[0].value, str):
                yield node.args[0].value.partition(".")[0]


def public_definitions(tree):
    """Public functions and classes of a file, and the public methods of its public classes."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node)


def is_annotated(function):
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    if named and named[0].arg in {"self", "cls"}:
        named = named[1:]
    named += [argument for argument in (arguments.vararg, arguments.kwarg) if argument]
    return function.returns is not None and all(argument.annotation for argument in named)


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(sources, package):
    ours = {
        source.path: set(imported_packages(source.tree))
        for source in sources
        if source.package == package
    }
    assert ours, f"no file in {package}"
    wrong = {
        str(path): names & (set(ALLOWED) - ALLOWED[package])
        for path, names in ours.items()
        if names & (set(ALLOWED) - ALLOWED[package])
    }
    assert not wrong


def test_the_import_rule_sees_every_way_of_importing():
    tree = ast.parse(
        "import leaderboard.store\n"
        "def f():\n    from benchmark import evaluate\n"
        "import_module('models_zoo.card')\n"
    )
    assert set(imported_packages(tree)) == {"leaderboard", "benchmark", "models_zoo"}


def test_files_are_short(sources):
    lines = {str(source.path): source.text.count("\n") for source in sources}
    assert statistics.median(lines.values()) < 150
    assert {path: count for path, count in lines.items() if count > 500} == {}


def test_public_names_are_documented_and_annotated(sources):
    bare, count = [], 0
    for source in sources:
        count += 1
        if not ast.get_docstring(source.tree):
            bare.append(f"{source.path}: no docstring")
        for node in public_definitions(source.tree):
            count += 1
            documented = ast.get_docstring(node)
            annotated = isinstance(node, ast.ClassDef) or is_annotated(node)
            if not (documented and annotated):
                bare.append(f"{source.path}:{node.lineno} {node.name}")
    assert len(bare) <= 0.05 * count, "\n".join(bare)


def test_checkpoints_are_never_unpickled(sources):
    unsafe = []
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                safe = [
                    isinstance(word.value, ast.Constant) and word.value.value is True
                    for word in node.keywords
                    if word.arg == "weights_only"
                ]
                if safe != [True]:
                    unsafe.append(f"{source.path}:{node.lineno}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in UNPICKLERS:
                unsafe.append(f"{source.path}:{node.lineno}")
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
                if names & {"torch.load", *UNPICKLERS}:
                    unsafe.append(f"{source.path}:{node.lineno}")
    assert unsafe == []


def test_injections_spaces_and_ascents_know_nothing_of_texts(sources):
    folders = {("attacks", "backdoor"), ("spaces",), ("ascent",)}
    wrong, count = [], 0
    for source in sources:
        parts = source.path.parts
        if parts[0] == "benchmark" and {parts[1:2], parts[1:3]} & folders:
            count += 1
            wrong += [f"{source.path}: {found}" for found in ABOUT_TEXTS.findall(source.text)]
    assert count > 15
    assert wrong == []


def test_the_command_line_starts_without_the_heavy_packages():
    code = (
        "import sys, leaderboard.cli; print({'torch', 'sqlalchemy', 'altair'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
