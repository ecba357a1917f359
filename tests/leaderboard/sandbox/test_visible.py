"""What a child can read of the interpreter's surroundings: no home folder, whatever leads there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import leaderboard
from leaderboard.sandbox.visible import OWN, visible


@pytest.fixture(autouse=True)
def forgotten():
    """What is visible is looked up again."""
    visible.cache_clear()
    yield
    visible.cache_clear()


def test_only_our_packages_of_a_project_s_folder_are_visible():
    found = visible()
    project = Path(leaderboard.__file__).parents[1]
    assert str(project) in found.search_path
    assert {project / name for name in OWN} <= set(found.folders)
    assert not any(project.is_relative_to(folder) for folder in found.folders)


def test_an_interpreter_that_is_linked_from_a_home_folder_shows_nothing_else_of_it(
    tmp_path, monkeypatch
):
    home = tmp_path / "home"
    shim = home / ".local" / "bin" / "python3"
    shim.parent.mkdir(parents=True)
    shim.symlink_to(Path(sys.executable).resolve())
    link = tmp_path / "environment" / "python"
    link.parent.mkdir()
    link.symlink_to(shim)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(sys, "executable", str(link))
    found = visible()
    assert [path for path, _ in found.links] == [link, shim]
    assert not any(home.is_relative_to(folder) for folder in found.folders)
    assert not any(folder.is_relative_to(home) for folder in found.folders)


def test_a_prefix_that_is_the_home_folder_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "exec_prefix", str(tmp_path))
    assert tmp_path not in visible().folders
    (tmp_path / "pyvenv.cfg").touch()
    visible.cache_clear()
    assert tmp_path in visible().folders


def test_a_child_starts_from_an_environment_behind_such_links(isolating, tmp_path):
    shim = tmp_path / "home" / "bin" / "python3"
    shim.parent.mkdir(parents=True)
    shim.symlink_to(Path(sys.base_prefix, "bin", "python3"))
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(shim)
    (environment / "pyvenv.cfg").write_text(f"home = {shim.parent}\n", "utf-8")
    code = (
        "import sys; sys.path += sys.argv[1:];"
        "from leaderboard.sandbox.level import Level, why_not;"
        f"print(why_not(Level('{isolating.value}')))"
    )
    project = str(Path(leaderboard.__file__).parents[1])
    others = [path for path in sys.path if path.endswith("site-packages")]
    command = [str(environment / "bin" / "python"), "-c", code, project, *others]
    assert subprocess.check_output(command, text=True) == "None\n"
