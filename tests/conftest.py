"""Settings of all tests, and the real data that lie beside a development checkout."""

import os
from pathlib import Path

import pytest

# One thread a process, because the tests run in several processes. Set before torch is imported, so
# that it also holds for the commands that tests start.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real checkpoints and data that lie beside the checkout, where they do."""
    root = Path(os.environ.get("NONSINGULAR_SHARED") or REPOSITORY.parent / "shared") / "data"
    if not root.is_dir():
        pytest.skip(f"no shared data at {root}; name its folder with NONSINGULAR_SHARED")
    return root


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
