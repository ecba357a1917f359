"""The corpus of hostile, damaged and odd things, through the real commands."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.hostile_files.case import Answer, Case, faults

CASE = Case("kind", "name", lambda _: ())
REFUSED = Answer(code=2, err="error: no\n", seconds=1, memory=1 << 28)


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to watch memory")
def test_every_case_gets_its_line(forks):
    """One in 24 cases, and two damaged files of every format.

    ``python tests/hostile_files --flips 1000`` runs everything. What that does is done here, in a
    process that need not import PyTorch first.
    """
    code = (
        "import runpy, warnings\n"
        "warnings.simplefilter('ignore')\n"
        f"runpy.run_path({str(Path(__file__).parent)!r}, run_name='__main__')"
    )
    found = forks.run("--part", 24, "--flips", 2, code=code)
    assert found.returncode == 0, found.stdout[-8000:] + found.stderr[-4000:]
    assert re.search(r"^([0-9]+) cases, \1 answered as they should be$", found.stdout, re.MULTILINE)


WRONG = {
    "traceback": {"err": "Traceback (most recent call last):\nerror: no\n"},
    "no line": {"err": ""},
    "two lines": {"err": "error: no\nerror: no\n"},
    "line before the last": {"err": "error: no\nand\n"},
    "long": {"err": f"error: {'a' * 3000}\n"},
    "escape": {"err": "error: \x1b[2J\n"},
    "success": {"code": 0},
    "fault": {"code": 1},
    "killed": {"code": None, "signal": 9},
    "slow": {"seconds": 11.0},
    "large": {"memory": 3 << 30},
    "file left": {"changes": ["work/nonsingular.sqlite"]},
    "code": {"code": 0, "changes": ["work/ran"]},
    "program": {"deeds": ["a program is started"]},
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_an_answer_is_seen(change):
    from dataclasses import replace

    assert faults(CASE, REFUSED) == []
    assert faults(CASE, replace(REFUSED, **change))


def test_written_elsewhere_is_seen():
    accepted = Case("kind", "name", lambda _: (), codes=(0,))
    assert faults(accepted, Answer(code=0, changes=["work/nonsingular.sqlite"])) == []
    assert faults(accepted, Answer(code=0, changes=["home/.cache/x"]))
    assert faults(Case("k", "n", lambda _: (), text="because"), REFUSED)
