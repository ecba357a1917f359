"""A fresh clone installs the versions that were tested, whatever was released since."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from models_zoo.sources.encoders import MINILM

FILE = "constraints.txt"

UNTESTED = ("minilm", "pyod")
"""Extras that are too large for continuous integration."""


@pytest.fixture(scope="module")
def pinned(root: Path) -> dict[str, Version]:
    """The version of every package in the constraints, by its canonical name."""
    lines = (root / FILE).read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    assert all(len(pin) == 2 for pin in pins), "a line is not NAME==VERSION"
    found = {str(canonicalize_name(name)): Version(number) for name, number in pins}
    assert len(found) == len(pins), "a package is named twice"
    return found


def direct(root: Path) -> list[Requirement]:
    """What pyproject.toml asks for, with every extra that the tests need and to build."""
    content = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    project = content["project"]
    texts = [*content["build-system"]["requires"], *project["dependencies"]]
    for name, extra in project["optional-dependencies"].items():
        texts += [] if name in UNTESTED else extra
    return [each for each in map(Requirement, texts) if each.name != project["name"]]


def test_the_encoder_that_no_test_needs_has_one_version(root):
    content = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    assert content["project"]["optional-dependencies"]["minilm"] == [MINILM.requirement]


def test_every_dependency_is_pinned_within_its_range(root, pinned):
    wanted = direct(root)
    assert len(wanted) > 30
    for each in wanted:
        number = pinned.get(str(canonicalize_name(each.name)))
        assert number is not None, f"{each.name} is not in {FILE}"
        assert each.specifier.contains(number, prereleases=True), f"{each} against {number}"


def test_every_dependency_of_a_dependency_is_pinned_and_nothing_else_is(root, pinned):
    names = {str(canonicalize_name(each.name)) for each in direct(root)}
    if any(Version(version(name)).public != str(pinned[name]) for name in names):
        pytest.skip("this environment holds other versions")
    todo, seen = [(each.name, frozenset(each.extras)) for each in direct(root)], set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            further = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:  # of another system or version of Python
            continue
        assert str(canonicalize_name(name)) in pinned, f"{name} is not in {FILE}"
        for each in further:
            chosen = [{"extra": extra} for extra in extras] or [{"extra": ""}]
            if each.marker is None or any(map(each.marker.evaluate, chosen)):
                todo.append((each.name, frozenset(each.extras)))
    assert len(seen) > 60
    named = {str(canonicalize_name(name)) for name, _ in seen}
    assert set(pinned) <= named, "nothing needs these; .ci/run would install them nevertheless"


@pytest.mark.parametrize("target", ["test", "bench", "lint"])
def test_what_is_installed_holds_to_the_constraints(root, target, tmp_path):
    if shutil.which("make") is None:
        pytest.skip("no make here")
    command = ["make", "-n", f"VENV={tmp_path}/venv", target]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    installs = [line for line in run.stdout.splitlines() if "pip install" in line]
    assert installs
    assert all(f"PIP_CONSTRAINT={FILE} PIP_BUILD_CONSTRAINT={FILE} " in line for line in installs)


def test_the_newest_are_tried_in_an_environment_of_their_own(root):
    if shutil.which("make") is None:
        pytest.skip("no make here")
    command = ["make", "-n", "test-newest", "VENV=.venv", "NEWEST=.venv-newest"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert "PIP_CONSTRAINT" not in run.stdout
    assert "--upgrade --upgrade-strategy eager" in run.stdout
    assert ".venv/bin" not in run.stdout
    assert ".venv-newest/bin/python -m pytest" in run.stdout
