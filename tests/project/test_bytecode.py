"""No process that `make` or continuous integration starts compiles what another has compiled."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
VARIABLE = "PYTHONDONTWRITEBYTECODE"


def test_make_lets_python_write_bytecode_where_the_caller_forbids_it():
    shown = f"shown: ; @echo $${{{VARIABLE}-unset}}"
    printed = subprocess.run(
        ["make", "--no-print-directory", "--eval", shown, "shown"],
        cwd=ROOT,
        env=os.environ | {VARIABLE: "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == "unset\n"


def test_continuous_integration_does_so_before_it_starts_python():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    unset = re.search(rf"^unset {VARIABLE}$", script, re.MULTILINE)
    assert unset
    assert "python" not in re.sub(r"#.*", "", script[: unset.start()])
