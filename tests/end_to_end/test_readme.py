"""The README's code blocks run as they stand, in order, in a copy of the working tree.

The copy gets a virtual environment that leads back to this one, marked as installed: so ``make
bench`` runs as it does on its second run, and nothing is installed twice. ``make test`` is left
out, because it would run this file again; continuous integration runs that very command.

Lines that are one call of ``nonsingular`` run in this process, since importing PyTorch again for
each of them takes longer than most; whatever else a shell would have to read, it reads. The
commands ask fewer questions of fewer examples: the Makefile has ``OPTIONS`` for it, and the options
of the others are replaced or added here; ``submit`` asks all questions.
"""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("NONSINGULAR_SHARED") or ROOT.parent / "shared") / "data"
BLOCK = re.compile(r"(<!-- the next block is tested[^\n]*-->\n\n)?```(\w+)\n(.*?)```", re.DOTALL)
FEW = {"OPTIONS": "digits/mlp-pgd-at --probe clean"}
"""What the Makefile adds to its command. Each command after it renders the pages of all that was
scored; that all bundled models are scored without names is tested in ``test_bench.py``."""

FEWER = {
    "bench": {"--examples": "4", "--jobs": "1"},
    "compare-autoattack": {"--examples": "4", "--eps": "0.5"},
    "plan": {"--examples": "4"},
    "landscape": {"--examples": "2", "--points": "3"},
    "submit": {"--examples": "4"},
    "train": {"--epochs": "15"},
}
"""Options of ``nonsingular`` with the values they get here, whatever the README says."""

ONE_CALL = re.compile(r"nonsingular [\w ./=,:-]+")
"""A line in which a shell has nothing to do but to split it into words."""

FOREIGN = {
    "resnet20.safetensors": SHARED / "checkpoints" / "cifar10-resnet20-standard.safetensors",
    "cifar10-test.npz": SHARED / "cifar10" / "test_846.npz",
}


def blocks(language: str, *, foreign: bool = False) -> list[str]:
    found = BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    return [code for mark, kind, code in found if kind == language and bool(mark) == foreign]


def command(folder: Path, name: str, line: str) -> None:
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {line} "$@"\n')
    path.chmod(0o755)


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A copy of the working tree with an environment that is this one."""
    folder: Path = tmp_path_factory.mktemp("readme") / "nonsingular"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        # The published results have their own tests; to render their pages takes half a minute.
        if (ROOT / name).is_file() and not name.endswith(".jsonl.gz"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    scripts = folder / ".venv" / "bin"
    scripts.mkdir(parents=True)
    command(scripts, "python", f"'{sys.executable}'")
    command(scripts, "nonsingular", f"'{sys.executable}' -m leaderboard.cli")
    for stamp in (".stamp-installed", ".stamp-installed-dev"):
        (folder / ".venv" / stamp).touch()
    return folder


def run(line: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        line,
        cwd=folder,
        env=os.environ | FEW | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"{line[-1]}\n{result.stdout}\n{result.stderr}"
    return result


def with_fewer(words: list[str]) -> list[str]:
    """A command's words with :data:`FEWER` in place of its own values.

    A command that only adds jobs to a queue has no workers of its own.
    """
    fewer = dict(FEWER.get(words[0], {}))
    if "queue" in words:
        fewer.pop("--jobs", None)
    left = [
        word
        for before, word in pairwise(["", *words])
        if before not in fewer and word.partition("=")[0] not in fewer
    ]
    return left + [part for option in fewer.items() for part in option]


@pytest.fixture
def run_block(copy, here):
    """Runs a block of shell lines in the copy."""

    def run_lines(code: str) -> None:
        lines = code.replace("\\\n", " ").splitlines()
        if not all(map(ONE_CALL.fullmatch, lines)):
            run(["bash", "-euo", "pipefail", "-c", code], copy)
            return
        for line in lines:
            exit_code, out, err = here(*with_fewer(line.split()[1:]), folder=copy)
            assert exit_code == 0, f"{line}\n{out}\n{err}"

    return run_lines


def test_fewer_examples_replace_those_of_the_readme():
    words = ["bench", "a", "--examples", "100", "--json", "r.json", "--jobs=2"]
    expected = ["bench", "a", "--json", "r.json", "--examples", "4", "--jobs", "1"]
    assert with_fewer(words) == expected
    assert "--jobs" not in with_fewer(["bench", "a", "--executor", "queue"])
    assert with_fewer(["models", "--dataset", "digits"]) == ["models", "--dataset", "digits"]


def test_the_readme_has_what_this_file_runs():
    shell = "".join(blocks("bash"))
    for needed in ("make bench", "make test", "nonsingular bench", "nonsingular submit"):
        assert needed in shell
    assert blocks("python")
    assert len(blocks("bash", foreign=True)) == 1


@pytest.mark.long
def test_the_shell_blocks_run(copy, run_block):
    for code in blocks("bash"):
        if code.strip() != "make test":
            run_block(code)
    assert (copy / "report.json").is_file()


def test_the_python_blocks_run(copy, monkeypatch):
    monkeypatch.chdir(copy)
    exec("\n".join(blocks("python")), {"__name__": "__main__"})  # noqa: S102


def test_the_block_on_checkpoints_from_elsewhere_runs(copy, run_block):
    for name, source in FOREIGN.items():
        if not source.is_file():
            pytest.skip(f"{source.name} is not beside this checkout")
        (copy / name).symlink_to(source)
    (code,) = blocks("bash", foreign=True)
    run_block(code)
