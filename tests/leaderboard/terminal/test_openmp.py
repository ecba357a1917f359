"""OpenMP's threads wait actively for a bounded time only."""

import os
import subprocess
import sys

import pytest

from leaderboard.terminal.openmp import BOUNDS, CHOICES, bound_spinning


def test_active_waiting_is_bounded():
    environment = {"PATH": "/bin"}
    bound_spinning(environment)
    assert environment == {"PATH": "/bin"} | BOUNDS


@pytest.mark.parametrize("name", CHOICES)
def test_the_choice_of_the_user_counts(name):
    environment = {name: "1234"}
    bound_spinning(environment)
    assert environment == {name: "1234"}


def test_the_command_line_sets_the_bound_before_pytorch_is_imported():
    code = (
        "import atexit, os, sys; sys.argv = ['nonsingular', 'models', '--help']\n"
        "from leaderboard import cli\n"
        "assert 'torch' not in sys.modules\n"
        "atexit.register(lambda: print(os.environ.get('GOMP_SPINCOUNT'), file=sys.stderr))\n"
        "cli.main()"
    )
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stderr.split()[-1] == BOUNDS["GOMP_SPINCOUNT"]
