"""Settings of all tests, and the real data that lie beside a development checkout."""

import gc
import hashlib
import json
import os
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hypothesis
import pytest

from tests.forked import Forks
from tests.missing import missing

# The first call of a test pays for imports, and a busy machine takes any time.
hypothesis.settings.register_profile("nonsingular", deadline=None)
hypothesis.settings.load_profile("nonsingular")

# One thread a process, because the tests run in several processes. Set before torch is imported, so
# that it also holds for the commands that tests start.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# No configuration file of the developer changes what commands do.
os.environ["NONSINGULAR_CONFIG"] = ""

HERE = Path(__file__).parent
REPOSITORY = HERE.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real checkpoints and data that lie beside the checkout, where they do."""
    root = Path(os.environ.get("NONSINGULAR_SHARED") or REPOSITORY.parent / "shared") / "data"
    if not root.is_dir():
        missing("shared", f"no shared data at {root}; name its folder with NONSINGULAR_SHARED")
    return root


@pytest.fixture(scope="session", autouse=True)
def charts_drawn_once() -> Iterator[None]:
    """Keep what the converter of charts returns: most tests of the site render the same models.

    What a chart looks like depends on nothing but its specification. A test that replaces the
    converter replaces this too.
    """
    import vl_convert

    convert, drawn = vl_convert.vegalite_to_svg, dict[bytes, str]()

    def draw(spec: Any, **options: Any) -> str:
        content = json.dumps([spec, options], sort_keys=True)
        key = hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()
        if key not in drawn:
            drawn[key] = convert(spec, **options)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vl_convert, "vegalite_to_svg", draw)
        yield


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Runs commands in processes of their own that need not import PyTorch again."""
    server = Forks()
    yield server
    server.close()


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


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A PostgreSQL server that all tests share, see :class:`tests.postgresql.Server`."""
    from tests.postgresql import shared_server

    own = tmp_path_factory.getbasetemp()
    with shared_server(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgresql: Any) -> Any:
    """Databases with this version's tables, see :class:`tests.postgresql.Databases`."""
    from tests.postgresql import Databases

    return Databases(postgresql)


def _slow_tests() -> frozenset[str]:
    """The lines of ``slow_tests.txt``: folders, which end in /, files and ``file::function``."""
    lines = (HERE / "slow_tests.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


SLOW = _slow_tests()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import slow files and folders where no slow test is wanted."""
    if config.option.markexpr != "not slow" or not collection_path.is_relative_to(HERE):
        return None
    name = collection_path.relative_to(HERE).as_posix()
    return name in SLOW or f"{name}/" in SLOW or None


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage while modules are imported, and leave what they hold out of it later.

    Modules and tests are a million objects that live as long as the process; to look through them
    again and again took a fifth of the collection's time.
    """
    gc.disable()
    try:
        with in_turn():
            return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


@contextmanager
def in_turn() -> Iterator[None]:
    """Collect in one process after the other, if ``NONSINGULAR_COLLECT`` is ``in turn``.

    Two processes that import everything at the same time in a new environment compile every module
    twice, which is two thirds of the collection. It pays where a core has other work meanwhile, as
    in continuous integration.
    """
    if os.environ.get("NONSINGULAR_COLLECT") != "in turn":
        yield
        return
    import fcntl

    with Path(__file__).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests, and begin with what takes minutes: else a worker is left with it alone."""
    for item in items:
        path = item.path.relative_to(HERE)
        function = f"{path.as_posix()}::{getattr(item, 'originalname', item.name)}"
        folders = {f"{folder.as_posix()}/" for folder in path.parents}
        if SLOW & {function, path.as_posix(), *folders}:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
