"""Pictures of the site for the documentation, taken in headless Chromium.

Run ``python -m perf.screenshots --database FILE`` from the root of a checkout.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import typer
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from leaderboard.pages import render_site
from leaderboard.store import Store
from models_zoo.errors import InputError
from perf.command import ROOT, console, run_command

SIZES = {1440: 900, 1024: 768, 390: 844}
"""Heights by width, in pixels: a laptop, a small window and a phone."""

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

_COLORS = 96
"""Colors of a picture, whose file is a third of the size that all colors take."""


class View(NamedTuple):
    """A page to take pictures of.

    Attributes:
        name: of its files.
        path: of the page, with its state; ``{0}``, ``{1}`` are replaced by folders of models.
        unfold: summaries to click, in this order.
        at: what to scroll to; the top where it is empty.
    """

    name: str
    path: str
    unfold: tuple[str, ...] = ()
    at: str = ""


VIEWS = (
    View("front", "index.html"),
    View("threats", "index.html", (".threats > summary",), ".controls"),
    View("chart", "index.html", (), ".below"),
    View("model", "models/{0}/index.html"),
    View("probe", "models/{0}/index.html", (".probe:has(#input-1) summary",), "#input-1"),
    View("compare", "compare.html#models={0},{1}"),
    View("battery", "batteries/{2}.html", (), "#probe-1"),
    View("findings", "findings.html"),
    View("submit", "submit.html"),
)


def run(
    database: Annotated[str, typer.Option(help="SQLite file or SQLAlchemy URL to show.")],
    models: Annotated[
        str, typer.Option(help="Folders of the two models to show, separated by a comma.")
    ] = "digits-cnn-pgd-at,digits-cnn-standard",
    battery: Annotated[str, typer.Option(help="Page of the battery to show.")] = "digits-v1",
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = ROOT / "docs/pictures",
) -> None:
    """Render a site and take pictures of its pages in three widths, light and dark."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise InputError("chromium is not installed; install Debian's package of that name")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        console.print("rendering")
        index = render_site(Store.open(database, to_read=True), Path(folder) / "site")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        names = [*models.split(","), battery]
        for view, width, scheme in product(VIEWS, SIZES, SCHEMES):
            file = out / f"{view.name}-{width}-{scheme}.png"
            _take(browser, index.parent, view, width, scheme, names, file)
            console.print(f"{file}: {file.stat().st_size / 1000:.0f} KB")
        browser.close()


def _take(
    browser: Browser,
    site: Path,
    view: View,
    width: int,
    scheme: Literal["light", "dark"],
    names: list[str],
    file: Path,
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{site.as_uri()}/{view.path.format(*names)}")
    page.wait_for_load_state("load")
    page.wait_for_timeout(500)
    for summary in view.unfold:
        page.locator(summary).first.click()
    if view.at:
        page.evaluate(f"document.querySelector({view.at!r}).scrollIntoView()")
    page.wait_for_timeout(500)  # until layers that scrolling moved are painted
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    taken.quantize(_COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        file, optimize=True
    )
    context.close()


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
