"""What tests need and a machine may lack, such as a browser or a database server."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest

REQUIRE = "NONSINGULAR_REQUIRE"
"""Environment variable with what may not be missing, such as ``chromium,postgresql``."""


def missing(what: str, reason: str) -> NoReturn:
    """Skip a test that lacks something, or fail it where that may not be missing.

    Args:
        what: one word, which :data:`REQUIRE` may have.
        reason: what is missing and how to get it.
    """
    if what in os.environ.get(REQUIRE, "").split(","):
        pytest.fail(f"{reason} ({REQUIRE} has {what!r})", pytrace=False)
    pytest.skip(reason)
