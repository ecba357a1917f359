"""Settings of all tests, and the real data that lie beside a development checkout."""

import os
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


@pytest.fixture(scope="session")
def exporting() -> SimpleNamespace:
    """Writes a network in the formats that carry their architecture, as their users write them."""
    return SimpleNamespace(onnx=_to_onnx, old_onnx=_to_old_onnx, program=_to_program)


def _to_onnx(network, shape, path: Path, **options) -> Path:
    """With the exporter that PyTorch uses by default, for a batch of any size."""
    import torch

    settings: dict[str, Any] = {
        "dynamo": True,
        "external_data": False,
        "dynamic_shapes": ({0: torch.export.Dim("batch")},),
        "verbose": False,
    } | options
    with warnings.catch_warnings(action="ignore"):
        torch.onnx.export(network, (torch.rand(2, *shape),), path, **settings)
    return path


def _to_old_onnx(network, shape, path: Path, **options) -> Path:
    """With the exporter that PyTorch used before, which names constants and layers otherwise."""
    settings = {
        "dynamo": False,
        "dynamic_shapes": None,
        "input_names": ["images"],
        "dynamic_axes": {"images": {0: "batch"}},
    }
    return _to_onnx(network, shape, path, **(settings | options))


def _to_program(network, shape, path: Path, batch: int | None = None) -> Path:
    """With ``torch.export``, for batches of one size or of any."""
    import torch

    sizes = ({0: torch.export.Dim("batch")},) if batch is None else None
    with warnings.catch_warnings(action="ignore"):
        program = torch.export.export(
            network, (torch.rand(batch or 2, *shape),), dynamic_shapes=sizes
        )
        torch.export.save(program, path)
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
