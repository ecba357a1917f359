"""A rendered site of made-up results in headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from leaderboard.site import render_site
from leaderboard.store import Store
from tests.leaderboard import conftest as made_up

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    if not CHROMIUM:
        pytest.skip("no chromium here; install Debian's package of that name")
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


@pytest.fixture
def open_page(browser: Browser, site: Path) -> Iterator[Callable[..., Page]]:
    """Opens a page of the site; the test fails on console messages and requests to elsewhere."""
    wrong: list[str] = []
    contexts = []

    def opened(path: str = "index.html", *, root: Path = site, **settings: object) -> Page:
        context = browser.new_context(
            viewport={"width": 1280, "height": 900} | _size(settings), **settings
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda message: wrong.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        inside = f"file://{root}/"
        page.on(
            "request",
            lambda request: (
                request.url.startswith((inside, "data:", "blob:"))
                or wrong.append(f"request: {request.url}")
            ),
        )
        page.goto(f"{inside}{path}")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def _size(settings: dict[str, object]) -> dict[str, int]:
    width = settings.pop("width", None)
    return {"width": width} if isinstance(width, int) else {}
