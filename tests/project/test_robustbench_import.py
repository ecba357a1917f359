"""``import robustbench`` works by itself, and nobody else notices what makes it work.

Everything runs in a process of its own, in an environment into which the wheel is installed: what
counts is a plain ``python -c`` after installation.
"""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def python(code: str, cwd: Path, *, by: Path | str = sys.executable) -> str:
    run = subprocess.run(
        [by, "-I", "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


@pytest.fixture(scope="module")
def facts(installed, tmp_path_factory) -> dict[str, Any]:
    """What one plain import leaves behind; a model is loaded after that was looked at.

    Before that, forks of the same process import beside a package and beside an empty folder of
    the name ``autoattack``: what takes seconds is imported once for all three.
    """
    real, empty = tmp_path_factory.mktemp("real"), tmp_path_factory.mktemp("empty")
    for folder in (real, empty):
        (folder / "autoattack").mkdir()
    (real / "autoattack" / "__init__.py").write_text("class AutoAttack:\n    pass\n")
    (real / "autoattack" / "state.py").write_text("class EvaluationState:\n    pass\n")
    code = f"""
import json, os, sys
from importlib.util import find_spec
import pandas, timm, torch, torchvision.models

def beside(folder):
    reading, writing = os.pipe()
    if not os.fork():
        sys.path.insert(0, folder)
        import robustbench.eval as found
        names = found.AutoAttack.__module__, found.EvaluationState.__module__
        os.write(writing, json.dumps(names).encode())
        os._exit(0)
    assert os.wait()[1] == 0
    return json.loads(os.read(reading, 1 << 16))

facts = {{"beside a package": beside({str(real)!r}), "beside a folder": beside({str(empty)!r})}}
expected = ("autoattack", "pkg_resources")
before = [find_spec(name) is not None for name in expected]
import benchmark, robustbench
from robustbench import loaders
from robustbench.model_zoo import model_dicts
file = loaders.pkg_resources.resource_filename("robustbench.loaders", "loaders.py")
facts |= {{
    "benchmark": benchmark.__file__,
    "models": sum(len(models) for threats in model_dicts.values() for models in threats.values()),
    "attack": robustbench.eval.AutoAttack.__module__,
    "imported": [name for name in expected if name in sys.modules],
    "appeared": [find_spec(name) is not None for name in expected] != before,
    "file beside a module": os.path.samefile(file, loaders.__file__),
}}

from pathlib import Path
from robustbench.model_zoo.enums import BenchmarkDataset, ThreatModel
torch.manual_seed(0)
entry = model_dicts[BenchmarkDataset.cifar_10][ThreatModel.Linf]["Wong2020Fast"]
reference = entry["model"]().eval()
folder = Path("models/cifar10/Linf")
folder.mkdir(parents=True)
torch.save(reference.state_dict(), folder / "Wong2020Fast.pt")
model = robustbench.load_model(
    "Wong2020Fast", dataset="cifar10", threat_model="Linf", model_dir="models"
)
images = torch.rand(2, 3, 32, 32)
with torch.no_grad():
    facts["loaded"] = torch.equal(model(images), reference(images))
print(json.dumps(facts))
"""
    folder = tmp_path_factory.mktemp("plain")
    facts: dict[str, Any] = json.loads(python(code, folder, by=installed))
    return facts


def test_the_environment_is_that_of_the_wheel(facts, installed):
    assert Path(facts["benchmark"]).is_relative_to(installed.parents[1])


def test_import_works_and_the_whole_zoo_is_listed(facts):
    assert facts["models"] == 206


def test_nobody_else_sees_a_stand_in(facts):
    if _has_autoattack():
        pytest.skip("a real autoattack is installed here")
    assert facts["attack"] == "pyautoattack.autoattack"
    assert facts["imported"] == []
    assert not facts["appeared"]


def test_the_stand_in_finds_files_beside_a_module(facts):
    assert facts["file beside a module"]


def test_a_model_loads_from_a_file_laid_in_the_model_folder(facts):
    assert facts["loaded"]


def test_a_real_autoattack_wins(facts):
    assert facts["beside a package"] == ["autoattack", "autoattack.state"]


def test_a_folder_that_only_bears_the_name_does_not_win(facts):
    if _has_autoattack():
        pytest.skip("a real autoattack is installed here")
    assert facts["beside a folder"] == ["pyautoattack.autoattack", "pyautoattack.state"]


def test_starting_python_stays_quick(tmp_path):
    code = """
import sys
assert "_nonsingular_robustbench" in sys.modules
print({"torch", "robustbench", "models_zoo"} & sys.modules.keys())
"""
    assert python(code, cwd=tmp_path) == "set()"
    assert min(_start_up_microseconds() for _ in range(3)) < 5_000


def _start_up_microseconds() -> int:
    command = [sys.executable, "-X", "importtime", "-c", "pass"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()
    (cumulative,) = [line.split("|")[1] for line in lines if "_nonsingular_robustbench" in line]
    return int(cumulative)


def _has_autoattack() -> bool:
    spec = importlib.util.find_spec("autoattack")
    return spec is not None and spec.origin is not None
