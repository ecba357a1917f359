"""Fixtures of the zoo's tests."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real checkpoints and data that lie beside the checkout, where they do."""
    root = Path(os.environ.get("NONSINGULAR_SHARED") or REPOSITORY.parent / "shared") / "data"
    if not root.is_dir():
        pytest.skip(f"no shared data at {root}; name its folder with NONSINGULAR_SHARED")
    return root
