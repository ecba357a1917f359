"""What tests need beside Python packages: skipped where it is missing, and a failure in CI."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.missing import REQUIRE, missing

ROOT = Path(__file__).parents[2]


def test_a_test_that_lacks_something_is_skipped_or_fails(monkeypatch):
    monkeypatch.setenv(REQUIRE, "chromium")
    with pytest.raises(pytest.skip.Exception, match="no server"):
        missing("postgresql", "no server here")
    monkeypatch.setenv(REQUIRE, "chromium,postgresql")
    with pytest.raises(pytest.fail.Exception, match=f"no server here.*{REQUIRE}"):
        missing("postgresql", "no server here")


def test_continuous_integration_skips_neither_the_browser_nor_the_server():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    (required,) = re.findall(rf"^export {REQUIRE}=(.*)$", script, re.MULTILINE)
    names = required.split(",")
    assert names == ["chromium", "postgresql", "bubblewrap"]
    calls = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    assert all(f'missing("{name}", ' in calls for name in names)
