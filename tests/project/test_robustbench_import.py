"""``import robustbench`` works by itself, and nobody else notices what makes it work.

Everything runs in a process of its own: what counts is a plain ``python -c`` after installation.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest


def python(code: str, cwd: Path) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def test_import_works_and_the_whole_zoo_is_listed(tmp_path):
    code = """
import robustbench
from robustbench.model_zoo import model_dicts
print(sum(len(models) for threats in model_dicts.values() for models in threats.values()))
"""
    assert python(code, cwd=tmp_path) == "206"


def test_a_model_loads_from_a_file_laid_in_the_model_folder(tmp_path):
    code = """
import torch, robustbench
from pathlib import Path
from robustbench.model_zoo import model_dicts
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
    assert torch.equal(model(images), reference(images))
print("same")
"""
    assert python(code, cwd=tmp_path) == "same"


def test_nobody_else_sees_a_stand_in(tmp_path):
    code = """
import sys, importlib.util
before = importlib.util.find_spec("autoattack"), importlib.util.find_spec("pkg_resources")
import robustbench, robustbench.loaders
assert "autoattack" not in sys.modules
assert "pkg_resources" not in sys.modules
assert (importlib.util.find_spec("autoattack") is None) == (before[0] is None)
assert (importlib.util.find_spec("pkg_resources") is None) == (before[1] is None)
print(robustbench.eval.AutoAttack.__module__)
"""
    if _has_autoattack():
        pytest.skip("a real autoattack is installed here")
    assert python(code, cwd=tmp_path) == "pyautoattack.autoattack"


def test_a_real_autoattack_wins(tmp_path):
    package = tmp_path / "autoattack"
    package.mkdir()
    (package / "__init__.py").write_text("class AutoAttack:\n    real = True\n")
    (package / "state.py").write_text("class EvaluationState:\n    real = True\n")
    code = """
import robustbench.eval
print(robustbench.eval.AutoAttack.real, robustbench.eval.EvaluationState.real)
"""
    assert python(code, cwd=tmp_path) == "True True"


def test_a_folder_that_only_bears_the_name_does_not_win(tmp_path):
    (tmp_path / "autoattack").mkdir()
    code = "import robustbench.eval; print(robustbench.eval.AutoAttack.__module__)"
    if _has_autoattack():
        pytest.skip("a real autoattack is installed here")
    assert python(code, cwd=tmp_path) == "pyautoattack.autoattack"


def test_the_stand_in_finds_files_beside_a_module(tmp_path):
    code = """
import os, robustbench.loaders as loaders
path = loaders.pkg_resources.resource_filename("robustbench.loaders", "loaders.py")
print(os.path.samefile(path, loaders.__file__))
"""
    assert python(code, cwd=tmp_path) == "True"


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
