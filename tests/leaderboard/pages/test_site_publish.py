"""A site replaces its predecessor whole, and nothing else."""

from __future__ import annotations

import threading
import time

import psutil
import pytest
import typer
from typer.testing import CliRunner

from leaderboard.commands import site as command
from leaderboard.pages import render_site
from leaderboard.pages.publish import replacing
from leaderboard.store import Store
from models_zoo.errors import InputError
from perf.synthetic_board import fill


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_rendering_again_gives_the_same_bytes_and_draws_nothing(tmp_path, zoo_store, monkeypatch):
    out = tmp_path / "site"
    render_site(zoo_store, out)
    before = content(out)
    monkeypatch.setattr("vl_convert.vegalite_to_svg", lambda *_, **__: 1 / 0)
    render_site(zoo_store, out)
    assert content(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_an_interruption_ends_the_processes_and_leaves_no_litter(tmp_path, monkeypatch, recwarn):
    folder = tmp_path / "here"
    folder.mkdir()
    fill(tmp_path / "board.sqlite", 40)

    def interrupt(*_):
        kinds = [" ".join(each.cmdline()) for each in psutil.Process().children()]
        assert any("loky" in kind for kind in kinds)
        raise KeyboardInterrupt

    monkeypatch.setattr("joblib.cpu_count", lambda: 2)  # with one, there are no processes
    monkeypatch.setattr("leaderboard.pages.render.index_of", interrupt)
    with pytest.raises(KeyboardInterrupt):
        render_site(Store.open(tmp_path / "board.sqlite", to_read=True), folder / "site")
    assert not list(folder.iterdir())
    assert not [each for each in recwarn if "tasks" in str(each.message)]


def test_a_failure_leaves_the_old_site_and_no_litter(tmp_path, zoo_store, monkeypatch):
    out = tmp_path / "site"
    render_site(zoo_store, out)
    before = content(out)
    monkeypatch.setattr("leaderboard.pages.render.index_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        render_site(zoo_store, out)
    assert content(out) == before
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_a_killed_renderer_leaves_the_old_site(forks, tmp_path, zoo_store):
    out = tmp_path / "site"
    render_site(zoo_store, out)
    before = content(out)
    code = (
        "import pathlib, time\n"
        "from leaderboard.pages.publish import replacing\n"
        f"with replacing(pathlib.Path({str(out)!r})) as folder:\n"
        "    (folder / 'index.html').write_text('half')\n"
        "    print('half-way', flush=True)\n"
        "    time.sleep(600)\n"
    )
    renderer = forks.start(code=code)
    while renderer.out.read_text() != "half-way\n":
        assert renderer.poll() is None, renderer.err.read_text()
        time.sleep(0.02)
    renderer.kill()
    assert content(out) == before


def test_renderers_that_meet_leave_one_whole_site(tmp_path):
    out = tmp_path / "site"
    failures = []

    def publish(number):
        try:
            for _ in range(20):
                with replacing(out) as folder:
                    marker = f'<meta name="generator" content="nonsingular {number}">'
                    (folder / "index.html").write_text(marker)
                    (folder / "results.json").write_text(str(number))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    number = (out / "results.json").read_text()
    assert f"nonsingular {number}" in (out / "index.html").read_text()
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


@pytest.mark.parametrize("name", ["thesis.tex", "models", "index.html"])
def test_a_folder_with_something_else_in_it_is_refused(tmp_path, store, name):
    (tmp_path / name).write_text("three years of work")
    with pytest.raises(InputError, match="choose an empty or a new folder"):
        render_site(store, tmp_path)
    assert (tmp_path / name).read_text() == "three years of work"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path, store):
    (tmp_path / "site").write_text("")
    with pytest.raises(InputError, match="it is a file"):
        render_site(store, tmp_path / "site")
    with pytest.raises(InputError, match="cannot write"):
        render_site(store, tmp_path / "site" / "inside")


def run(*arguments):
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    return CliRunner().invoke(app, ["site", *arguments])


def test_the_command_prints_where_to_open_it(tmp_path, made_up):
    database = tmp_path / "scores.sqlite"
    made_up.fill(Store.open(database))
    result = run("--database", str(database), "--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out/index.html").as_uri() in result.output


def test_the_command_refuses_a_missing_database(tmp_path):
    result = run("--database", str(tmp_path / "no.sqlite"), "--out", str(tmp_path / "out"))
    assert isinstance(result.exception, InputError)
    assert not (tmp_path / "out").exists()
