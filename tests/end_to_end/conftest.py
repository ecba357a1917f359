"""What the tests of whole commands share: running them, here or in a process of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def command(tmp_path):
    """``command("bench", ...)``: the command in a process of its own, in an empty folder."""

    def run(*arguments, folder=tmp_path, check=True):
        result = subprocess.run(
            [sys.executable, "-m", "leaderboard.cli", *map(str, arguments)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or result.returncode == 0, result.stderr
        return result

    return run


@pytest.fixture
def here(tmp_path, monkeypatch, capsys):
    """``here("bench", ...)``: (exit code, stdout, stderr) of the command, in this process."""
    from leaderboard.cli import main

    def run(*arguments, folder=tmp_path):
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["nonsingular", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return run
