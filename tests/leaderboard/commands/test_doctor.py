"""The doctor names what is missing or mismatched and says what to do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leaderboard.cli import app
from leaderboard.commands import doctor_checks as doctor
from leaderboard.sandbox import Level, level
from tests.forked import Forks

PAIR = ["numpy", "torch==2.6.0", "pillow!=8.3.*,>=5.3.0", 'gdown>=4.7.3; extra == "gdown"']


def test_torch_below_2_6_is_wrong_and_the_reason_is_named():
    check = doctor.check_torch("2.5.1+cu124")
    assert check.status == "wrong"
    assert "CVE-2025-32434" in check.advice
    assert doctor.check_torch("2.6.0+cpu").status == "ok"
    assert doctor.check_torch("2.15.0").status == "ok"


def test_missing_packages_are_wrong():
    assert doctor.check_torch(None).status == "wrong"
    assert doctor.check_torchvision(None, None, "2.6.0").status == "wrong"


def test_torchvision_must_accept_the_installed_torch():
    mismatched = doctor.check_torchvision("0.21.0", PAIR, "2.7.1+cu128")
    assert mismatched.status == "wrong"
    assert "torch==2.6.0" in mismatched.found
    assert "2.7.1+cu128" in mismatched.found
    assert "pip install" in mismatched.advice
    assert doctor.check_torchvision("0.21.0+cu124", PAIR, "2.6.0+cu124").status == "ok"
    assert doctor.check_torchvision("0.29.2", ["torch>=2.14.0"], "2.15.0").status == "ok"


def test_an_operator_that_cannot_be_called_is_wrong():
    def missing():
        raise RuntimeError("operator torchvision::nms does not exist\nmore lines")

    check = doctor.check_operator(missing)
    assert check.status == "wrong"
    assert check.found == "RuntimeError: operator torchvision::nms does not exist"
    assert doctor.check_operator(doctor.non_maximum_suppression).status == "ok"


def test_a_module_that_cannot_be_imported_is_wrong():
    def load(name):
        raise ModuleNotFoundError("No module named 'autoattack'")

    check = doctor.check_import("robustbench", "reinstall", load)
    assert (check.status, check.advice) == ("wrong", "reinstall")
    assert "autoattack" in check.found


def test_the_onnx_extra_may_be_missing_but_not_broken(monkeypatch):
    def fail(name):
        raise ImportError("no symbol")

    assert doctor.check_onnx(fail).status == "wrong"
    monkeypatch.setattr(doctor, "installed_version", lambda name: None)
    check = doctor.check_onnx()
    assert check.status == "note"
    assert "nonsingular[onnx]" in check.found


def test_old_python_and_old_sqlite_are_wrong():
    assert doctor.check_python((3, 10, 13)).status == "wrong"
    assert doctor.check_python((3, 11, 0)).status == "ok"
    assert doctor.check_sqlite((3, 7, 17)).status == "wrong"
    assert doctor.check_sqlite((3, 40, 1)).status == "ok"


def test_a_folder_that_cannot_be_written_is_wrong(tmp_path):
    assert doctor.check_folder(tmp_path).status == "ok"
    gone = doctor.check_folder(tmp_path / "gone")
    assert gone.status == "wrong"
    assert "--database" in gone.advice


def test_the_sandbox_is_named_with_what_it_promises_and_why_there_is_no_better(monkeypatch):
    monkeypatch.setattr(
        level, "_found", {Level.BUBBLEWRAP: "it is not installed", Level.LANDLOCK: None}
    )
    check = doctor.check_sandbox()
    assert check.status == "note"
    assert check.found.startswith("landlock: no network; ")
    assert check.found.endswith("; bubblewrap cannot be used (it is not installed)")


def test_the_command_reports_this_environment_as_healthy():
    run = CliRunner().invoke(app, ["doctor", "--json"])
    assert run.exit_code == 0, run.output
    report = json.loads(run.stdout)
    assert report["healthy"]
    assert {"torch", "torchvision", "import robustbench", "SQLite"} <= {
        check["name"] for check in report["checks"]
    }


@pytest.mark.parametrize("broken", ["torch", "robustbench"])
def test_the_command_works_where_a_package_is_broken(tmp_path: Path, forks: Forks, broken: str):
    (tmp_path / f"{broken}.py").write_text("raise ImportError('libbroken.so: not found')\n")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    if broken == "torch":
        command = [sys.executable, "-m", "leaderboard.cli", "doctor"]
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    else:
        run = forks.run("doctor", environment=environment)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "libbroken.so: not found" in run.stdout
    assert "Traceback" not in run.stderr
