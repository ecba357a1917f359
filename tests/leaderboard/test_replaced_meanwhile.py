"""Files that another process replaces or removes just after they are looked at."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.charts.svg import Painter
from leaderboard.output_paths import require_folder_place
from leaderboard.pages.landscape_files import FILE, put_landscape
from leaderboard.pages.publish import replacing, require_site_place
from leaderboard.store.sqlite import left_beside

Leaving = Callable[[Path], Path]


@pytest.fixture(params=[1, 2, 3])
def leaving(monkeypatch, request) -> Leaving:
    """Makes a path go away after it is looked at for the first, second or third time."""
    look = Path.stat
    goes: list[Path] = []
    looks = [request.param]

    def stat(path: Path, **options):
        found = look(path, **options)
        if path in goes:
            looks[0] -= 1
            if not looks[0]:
                path.rename(path.with_name("gone"))
        return found

    monkeypatch.setattr(Path, "stat", stat)

    def mark(path: Path) -> Path:
        goes.append(path)
        return path

    return mark


@pytest.mark.parametrize("check", [require_folder_place, require_site_place])
def test_a_folder_that_is_being_replaced_is_no_file(tmp_path, leaving, check):
    (tmp_path / "site").mkdir()
    check(leaving(tmp_path / "site"))


def test_a_site_that_is_being_replaced_is_written(tmp_path, leaving):
    (tmp_path / "site").mkdir()
    with replacing(leaving(tmp_path / "site")) as folder:
        (folder / "index.html").write_text("new")
    assert (tmp_path / "site" / "index.html").read_text() == "new"


def test_a_landscape_of_a_site_that_is_being_replaced_is_no_error(tmp_path, leaving):
    (tmp_path / "before").mkdir()
    leaving(tmp_path / "before" / FILE).write_text("of abc")
    own = tmp_path / "own"
    own.mkdir()
    kept = put_landscape(None, "abc", tmp_path / "before", own)
    assert kept == (own / FILE).exists()


def test_a_chart_of_a_site_that_is_being_replaced_is_no_error(tmp_path, leaving):
    earlier = tmp_path / "charts"
    earlier.mkdir()
    leaving(earlier / "a.svg").write_text("<svg/>")
    assert Painter(earlier)._kept("a.svg") in (None, "<svg/>")


def test_a_journal_that_is_removed_meanwhile_is_no_error(tmp_path, leaving):
    leaving(tmp_path / "scores.sqlite-wal").write_text("changes")
    left_beside(str(tmp_path / "scores.sqlite"))
