"""What the house rules are checked on: every Python file outside the tests, parsed once."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("models_zoo", "benchmark", "leaderboard", "startup", "perf")


@dataclass(frozen=True)
class Source:
    """One Python file: its path relative to the root, its text and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        return self.path.parts[0]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    texts = [path.read_text("utf-8") for path in paths]
    return [
        Source(path.relative_to(ROOT), text, ast.parse(text, str(path)))
        for path, text in zip(paths, texts, strict=True)
    ]
