"""Pictures of the site for the documentation, taken in headless Chromium.

Run ``python -m perf.screenshots --database FILE`` from the root of a checkout.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from playwright.sync_api import Browser, sync_playwright

from leaderboard.pages import render_site
from leaderboard.store import Store
from models_zoo.errors import InputError
from perf.command import ROOT, console, run_command

FORMS: dict[str, tuple[int, int, Literal["light", "dark"]]] = {
    "light": (1280, 1300, "light"),
    "dark": (1280, 1300, "dark"),
    "narrow": (375, 800, "light"),
}
"""Width, height and color scheme by name."""


class View(NamedTuple):
    """A page to take pictures of.

    Attributes:
        name: of its files.
        path: of the page, with its state; ``{0}``, ``{1}`` are replaced by folders of models.
        at: what to scroll to; the top where it is empty.
    """

    name: str
    path: str
    at: str = ""


VIEWS = (
    View("front", "index.html"),
    View("threats", "index.html", ".threats"),
    View("model", "models/{0}/index.html"),
    View("compare", "compare.html#models={0},{1}"),
)


def run(
    database: Annotated[str, typer.Option(help="SQLite file or SQLAlchemy URL to show.")],
    models: Annotated[
        str, typer.Option(help="Folders of the two models to show, separated by a comma.")
    ] = "digits-cnn-pgd-at,digits-cnn-standard",
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = ROOT / "docs/pictures",
) -> None:
    """Render a site and take pictures of its pages in light, dark and narrow form."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise InputError("chromium is not installed; install Debian's package of that name")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        console.print("rendering")
        index = render_site(Store.open(database, to_read=True), Path(folder) / "site")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for view in VIEWS:
            for form in FORMS:
                file = out / f"{view.name}-{form}.png"
                _take(browser, index.parent, view, form, models.split(","), file)
                console.print(f"{file}: {file.stat().st_size / 1000:.0f} KB")
        browser.close()


def _take(
    browser: Browser, site: Path, view: View, form: str, models: list[str], file: Path
) -> None:
    width, height, scheme = FORMS[form]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{view.path.format(*models)}")
    page.wait_for_load_state("load")
    page.wait_for_timeout(500)
    if view.at:
        page.locator(f"{view.at} > summary").first.click()
        page.locator(view.at).first.scroll_into_view_if_needed()
        page.evaluate(f"document.querySelector('{view.at}').scrollIntoView()")
    page.wait_for_timeout(500)  # until layers that scrolling moved are painted
    page.screenshot(path=file)
    context.close()


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
