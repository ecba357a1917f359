"""What a program in the sandbox cannot do: the network, files, and other processes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from leaderboard.sandbox import Level

REFUSED = {"PermissionError", "OSError", "FileNotFoundError"}


@contextmanager
def other_process():
    """A process that waits."""
    with subprocess.Popen(["sleep", "60"]) as other:
        try:
            yield other
        finally:
            other.kill()


def test_no_socket_can_be_opened_whatever_its_family(isolating, run):
    name = f"nonsingular-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0" + name)
        local.listen()
        found = run("network", isolating, port=server.getsockname()[1], abstract=name)
    assert len(found) == 10
    assert set(found.values()) == {"PermissionError"}


def test_without_isolation_the_same_program_reaches_the_listener(run):
    name = f"nonsingular-test-{os.getpid()}-open"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0" + name)
        local.listen()
        found = run("network", Level.LIMITS, port=server.getsockname()[1], abstract=name)
    assert found["TCP listener"] == found["abstract"] == "did None"


def test_files_of_the_home_folder_and_beside_ours_cannot_be_read(isolating, run, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    paths = [secret, Path(__file__), Path("/etc/passwd"), Path("/etc/shadow"), Path.home()]
    paths += [each for each in Path.home().iterdir() if each.is_file()][:3]
    paths.append(Path(f"/proc/{os.getpid()}/cmdline"))
    found = run("read", isolating, paths=[str(path) for path in paths])
    assert len(found) == len(paths)
    assert set(found.values()) <= {"PermissionError", "FileNotFoundError", "IsADirectoryError"}


def test_nothing_can_be_written_but_in_the_private_folder(isolating, run, tmp_path):
    there = tmp_path / "there"
    there.write_text("as it was")
    package = Path(sys.modules["leaderboard.sandbox"].__file__ or "")
    outside = ["/", "/usr", "/dev", "/etc", Path.home(), tmp_path, sys.prefix]
    paths = [*(str(Path(each, "nonsingular-test")) for each in outside), str(there), str(package)]
    before = package.read_bytes()
    found = run("write", isolating, paths=paths)
    assert found.pop("private") == found.pop("working directory") == "did None"
    assert set(found.values()) <= REFUSED
    assert len(found) == len(paths) + 3
    assert there.read_text() == "as it was"
    assert package.read_bytes() == before
    assert (tmp_path / "a file's name.txt").read_text() == "content"


def test_no_setting_of_the_kernel_can_be_changed_even_if_root_runs_it(isolating, run):
    names = ("kernel/core_pattern", "kernel/hostname", "vm/overcommit_memory")
    paths = [
        *(f"/proc/sys/{name}" for name in names),
        "/proc/sysrq-trigger",
        "/dev/mem",
        "/dev/vda",
    ]
    found = run("open_for_writing", isolating, paths=paths)
    assert set(found.values()) <= REFUSED
    assert len(found) == len(paths)


def test_the_environment_of_the_parent_cannot_be_seen(isolating, run, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    # /proc shows the environment that a process began with, and this one began without
    with other_process() as other:
        while b"SECRET_TOKEN" not in Path(f"/proc/{other.pid}/environ").read_bytes():
            time.sleep(0.01)
        found = run("environment", isolating, parent=other.pid)
    assert "SECRET_TOKEN" not in found["own"]
    assert found["parent"] in {"PermissionError", "FileNotFoundError"}
    assert not any("secret" in str(each) for each in found["arguments"])


def test_at_every_level_the_child_has_few_variables_no_files_and_an_empty_folder(
    level, run, monkeypatch, tmp_path
):
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        found = run("environment", level, parent=os.getpid())
    assert "SECRET_TOKEN" not in found["own"]
    assert len(found["own"]) < 20
    # If the packages lie in the folder of temporary files, they are seen in it as well.
    ours = Path(__file__).parents[3].parts
    assert set(found["here"]) <= ({ours[2]} if ours[1] == "tmp" else set())
    assert all("pipe" in each or each == "/dev/null" for each in found["descriptors"])
    assert "" not in found["path"]


def test_other_processes_can_be_neither_signalled_nor_traced_nor_limited(isolating, run):
    with other_process() as other:
        found = run("disturb", isolating, parent=other.pid)
        assert other.poll() is None
    assert set(found.values()) <= {*REFUSED, "ProcessLookupError", -1}


def test_no_process_can_be_started(isolating, run):
    assert run("fork_without_end", isolating)["started"] == 0
    assert run("run_program", isolating) == {"ran": "PermissionError"}


def test_a_child_ends_with_its_parent(isolating, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a parent that is killed leaves a folder there
    from tests.leaderboard.sandbox.conftest import PROGRAMS

    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1]);"
        "from leaderboard.sandbox import *;"
        "run_sandboxed('sandbox_programs:announce', {}, files={}, limits=VALIDATION,"
        f" level=Level('{isolating}'), on_line=lambda line: (print('there', flush=True)))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(PROGRAMS)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "there\n"
        started = _descendants(parent.pid)
        assert started
        parent.kill()
    for _ in range(200):
        if not any(Path(f"/proc/{pid}").exists() for pid in started):
            break
        time.sleep(0.02)
    else:
        pytest.fail("the child is still there")


def _descendants(pid):
    from leaderboard.sandbox.watch import descendants

    return {each.pid for each in descendants(pid)} - {pid}
