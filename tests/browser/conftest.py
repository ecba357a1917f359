"""A rendered site of made-up results in headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from leaderboard.pages import render_site
from leaderboard.store import Store
from perf.synthetic_board import fill
from tests.leaderboard import conftest as made_up
from tests.missing import missing

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
"""One browser under several names. The first draws no window, and so takes half the time."""

CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if not CHROMIUM:
        missing("chromium", "no chromium here; install Debian's package chromium-headless-shell")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four made-up models of one battery, rendered."""
    store = Store.open(":memory:")
    made_up.fill(store)
    return render_site(store, tmp_path_factory.mktemp("browser") / "site").parent


MODELS = 70
"""More than a board shows at first."""


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many models of random scores, rendered in this process: others import for seconds."""
    folder = tmp_path_factory.mktemp("large")
    fill(folder / "board.sqlite", MODELS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("leaderboard.pages.model_folders._MIN_MODELS_FOR_PROCESSES", MODELS + 1)
        store = Store.open(folder / "board.sqlite", to_read=True)
        return render_site(store, folder / "site").parent


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Callable[..., Page]]:
    """Opens a page of the site; the test fails on console messages and requests to elsewhere."""
    wrong: list[str] = []
    contexts = []

    def opened(path: str = "index.html", *, root: Path = site, width: int = 1280, **context: Any):
        made = browser.new_context(viewport={"width": width, "height": 900}, **context)
        contexts.append(made)
        page = made.new_page()
        page.set_default_timeout(30_000)  # other tests may have the processors
        inside = f"file://{root}/"

        def noticed(kind: str, text: str) -> None:
            if kind != "request" or not text.startswith((inside, "data:", "blob:")):
                wrong.append(f"{kind}: {text}")

        page.on("console", lambda message: noticed("console", message.text))
        page.on("pageerror", lambda error: noticed("error", str(error)))
        page.on("request", lambda request: noticed("request", request.url))
        page.goto(f"{inside}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong
