"""Checks of the environment: what is missing or mismatched, and what to do about it.

Every check takes what it checks as an argument, so that tests can pass another environment.
Importing this module imports nothing heavy, so that it works even if PyTorch does not.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement
from packaging.version import Version

from leaderboard.terminal.openmp import CHOICES

OLDEST_PYTHON = (3, 11)
OLDEST_TORCH = Version("2.6")
OLDEST_SQLITE = (3, 27, 0)
"""The first version with ``VACUUM INTO``, which the published database needs."""

REINSTALL_PAIR = "install the two together: pip install --upgrade torch torchvision"


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report.

    Attributes:
        name: what was checked.
        found: what was found, such as a version.
        status: ``"ok"``, ``"note"`` (for information) or ``"wrong"``.
        advice: what to do; may be empty.
    """

    name: str
    found: str
    status: Literal["ok", "note", "wrong"] = "ok"
    advice: str = ""


def examine(folder: Path | None = None) -> list[Check]:
    """Run every check on this environment.

    Args:
        folder: where scores and site would be written; the working directory by default.
    """
    torch = installed_version("torch")
    vision = installed_version("torchvision")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of other packages are irrelevant here
        return _checks(folder or Path.cwd(), torch, vision)


def _checks(folder: Path, torch: str | None, vision: str | None) -> list[Check]:
    return [
        check_python(sys.version_info[:3]),
        check_torch(torch),
        check_torchvision(vision, metadata.requires("torchvision") if vision else [], torch),
        check_operator(non_maximum_suppression),
        check_import("pyautoattack", "pip install --upgrade pyautoattack"),
        check_import(
            "robustbench",
            "reinstall nonsingular with pip (not by copying its folders): it installs "
            "nonsingular-robustbench.pth, which robustbench needs",
        ),
        check_import("vl_convert", "pip install --upgrade vl-convert-python"),
        check_onnx(),
        check_sqlite(sqlite3.sqlite_version_info),
        check_folder(folder),
        check_sandbox(),
        check_threads(),
        check_cuda(),
    ]


def installed_version(distribution: str) -> str | None:
    """Version of an installed distribution, ``None`` where it is missing. Imports nothing."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def check_python(version: Sequence[int]) -> Check:
    """Python must be 3.11 or newer."""
    found = ".".join(map(str, version))
    if tuple(version) < OLDEST_PYTHON:
        return Check("Python", found, "wrong", "install Python 3.11 or newer")
    return Check("Python", found)


def check_torch(version: str | None) -> Check:
    """PyTorch must be 2.6 or newer.

    Before that a checkpoint could run code even with ``weights_only=True`` (CVE-2025-32434).
    """
    if version is None:
        return Check("torch", "missing", "wrong", "pip install 'torch>=2.6'")
    if Version(version) < OLDEST_TORCH:
        advice = (
            "upgrade: before 2.6 reading a checkpoint can run code (CVE-2025-32434); "
            "pip install --upgrade 'torch>=2.6' torchvision"
        )
        return Check("torch", version, "wrong", advice)
    return Check("torch", version)


def check_torchvision(
    version: str | None, requires: Sequence[str] | None, torch: str | None
) -> Check:
    """Torchvision must accept the installed PyTorch.

    Args:
        version: of the installed torchvision.
        requires: its requirements, which include the PyTorch version it was built for.
        torch: version of the installed PyTorch.
    """
    if version is None:
        return Check("torchvision", "missing", "wrong", "pip install torchvision")
    wanted = [r for r in map(Requirement, requires or []) if r.name == "torch"]
    for requirement in wanted:
        if torch and not requirement.specifier.contains(Version(torch), prereleases=True):
            found = (
                f"{version}, built for torch{requirement.specifier}, installed with torch {torch}"
            )
            return Check("torchvision", found, "wrong", REINSTALL_PAIR)
    return Check("torchvision", version)


def check_operator(operator: Callable[[], object]) -> Check:
    """Torchvision's compiled operators must work, which they do not in a mismatched pair."""
    try:
        operator()
    except Exception as error:
        return Check("torchvision.ops.nms", one_line(error), "wrong", REINSTALL_PAIR)
    return Check("torchvision.ops.nms", "works")


def non_maximum_suppression() -> None:
    """Call one compiled operator of torchvision on one box."""
    torch = importlib.import_module("torch")
    ops = importlib.import_module("torchvision.ops")
    ops.nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5)


def check_import(
    module: str, advice: str, load: Callable[[str], Any] = importlib.import_module
) -> Check:
    """A module must be importable.

    Args:
        module: its name.
        advice: what to do if it is not.
        load: imports a module by name.
    """
    try:
        load(module)
    except Exception as error:
        return Check(f"import {module}", one_line(error), "wrong", advice)
    distribution = {"vl_convert": "vl-convert-python"}.get(module, module)
    return Check(f"import {module}", installed_version(distribution) or "works")


def check_onnx(load: Callable[[str], Any] = importlib.import_module) -> Check:
    """The optional extra for ONNX files must not be broken; it may be missing.

    Args:
        load: imports a module by name.
    """
    name, command = "ONNX files", "pip install 'nonsingular[onnx]'"
    missing = [part for part in ("onnx", "onnx2torch") if installed_version(part) is None]
    if missing:
        return Check(name, f"cannot be read without {' and '.join(missing)}: {command}", "note")
    try:
        load("onnx2torch")
    except Exception as error:
        return Check(name, one_line(error), "wrong", "pip install --upgrade onnx onnx2torch")
    return Check(name, f"onnx {installed_version('onnx')}")


def check_sqlite(version: Sequence[int]) -> Check:
    """SQLite must be new enough for the store."""
    found = ".".join(map(str, version))
    if tuple(version) < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        return Check("SQLite", found, "wrong", f"use a Python with SQLite {oldest} or newer")
    return Check("SQLite", found)


def check_folder(folder: Path) -> Check:
    """Scores and site are written into the working directory."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Check("writable folder", str(folder))
    except OSError as error:
        advice = "change to a folder you may write to, or give --database and --out"
        return Check("writable folder", f"{folder}: {error.strerror}", "wrong", advice)


def check_sandbox() -> Check:
    """How well models that others submit can be isolated; never wrong."""
    from leaderboard.sandbox import Level, find_level
    from leaderboard.sandbox.level import why_not

    level = find_level()
    found = f"{level.value}: {level.description}"
    if level < Level.BUBBLEWRAP:
        reasons = [
            f"{each.value} cannot be used ({reason})"
            for each in sorted(Level, reverse=True)
            if each > level and (reason := why_not(each))
        ]
        found = "; ".join([found, *reasons])
    return Check("sandbox", found, "note")


def check_threads() -> Check:
    """How many threads PyTorch will compute with; never wrong."""
    try:
        threads = importlib.import_module("torch").get_num_threads()
    except Exception as error:
        return Check("CPU threads", one_line(error), "note")
    chosen = [f"{name}={os.environ[name]}" for name in CHOICES if name in os.environ]
    waiting = ", ".join(chosen) or "active waiting is not bounded"
    return Check("CPU threads", f"{threads} of {os.cpu_count()} cores; {waiting}", "note")


def check_cuda() -> Check:
    """Which CUDA device there is; never wrong."""
    try:
        cuda = importlib.import_module("torch").cuda
        found = cuda.get_device_name(0) if cuda.is_available() else "none, runs on the CPU"
    except Exception as error:
        found = one_line(error)
    return Check("CUDA device", found, "note")


def one_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message, at most 200 characters."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]
