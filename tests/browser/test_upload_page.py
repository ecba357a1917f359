"""The page that accepts files, in Chromium: with and without JavaScript, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.accessibility import serious_violations
from tests.leaderboard.service.conftest import (  # noqa: F401 - fixtures
    DESCRIPTION,
    Service,
    checkpoint,
    listening,
    make_service,
    tiny,
)


@dataclass
class Live:
    """A service that listens."""

    service: Service
    address: str

    def finish(self) -> None:
        """Check, score and render what was sent."""
        self.service.advance()
        self.service.score()
        self.service.advance()


@pytest.fixture
def live(make_service, monkeypatch) -> Iterator[Live]:  # noqa: F811
    monkeypatch.setattr("leaderboard.service.pages.REFRESH_SECONDS", 1)
    service = make_service()
    service.advance()
    with listening(service) as address:
        yield Live(service, address)


@pytest.fixture
def visit(browser: Browser, live: Live):
    """Opens a page of the service; the test fails on what the browser complains about."""
    wrong: list[str] = []
    contexts = []

    def opened(path: str = "/upload", width: int = 1280, **options) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.goto(live.address + path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert [text for text in wrong if "status of 4" not in text] == []


def fill(page: Page, token: str, content: bytes, name: str = "mine") -> None:
    page.fill("#token", token)
    page.fill("#name", name)
    page.select_option("#dataset", "digits")
    page.fill("#architecture", "mlp")
    page.fill("#mean", str(DESCRIPTION["mean"][0]))
    page.fill("#std", str(DESCRIPTION["std"][0]))
    page.set_input_files(
        "#file", {"name": "mine.safetensors", "mimeType": "any/thing", "buffer": content}
    )
    page.click("button.send")


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_a_file_is_uploaded_scored_and_shown(live, visit, scripts):
    page = visit(java_script_enabled=scripts)
    fill(page, live.service.submitter, checkpoint())
    page.wait_for_url("**/submissions/*")
    assert "The file is being checked" in page.inner_text("main")
    live.finish()
    page.wait_for_selector("text=On the leaderboard")  # the page is loaded again by itself
    page.click("text=the board of digits")
    assert "mine" in page.inner_text("main")


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_a_mistake_is_said_where_it_is_seen_and_can_be_corrected(live, visit, scripts):
    page = visit(java_script_enabled=scripts)
    fill(page, "nst_wrong", checkpoint())
    page.wait_for_selector("#problem:visible")
    assert "no token that is accepted" in page.inner_text("#problem")
    assert page.input_value("#name") == "mine"
    fill(page, live.service.submitter, checkpoint())
    page.wait_for_url("**/submissions/*")


def test_a_refused_file_says_what_to_do(live, visit):
    page = visit()
    fill(page, live.service.submitter, b"\x80\x04not weights", name="<b>bold</b>")
    page.wait_for_url("**/submissions/*")
    live.service.advance()
    page.wait_for_selector("text=To do:")
    assert "Refused" in page.inner_text("main")
    assert page.inner_text("h1") == "<b>bold</b>"


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_can_be_used_by_anyone_on_any_screen(live, visit, width):
    number = live.service.submit(checkpoint())
    live.finish()
    for path in ("/upload", f"/submissions/{number}", f"/submissions/{'0' * 32}"):
        page = visit(path, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious_violations(page) == []
