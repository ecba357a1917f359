"""What the tests of whole commands share: running them in this process."""

import sys

import pytest


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
