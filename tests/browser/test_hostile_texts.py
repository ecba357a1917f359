"""Whatever a submission writes, wherever it can: its texts stay texts."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Dialog

from leaderboard.pages import render_site
from leaderboard.store import Store
from tests.leaderboard import hostile

SVG = {"svg", "g", "path", "line", "rect", "text", "tspan", "defs", "clipPath", "circle", "title"}


class Elements(HTMLParser):
    """Every element of a page with its attributes' names; a chart's apart, which follow from how
    long a text is."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, ...]] = []
        self.charts: set[str] = set()
        self.values: list[tuple[str, str]] = []
        self.text = ""
        self._depth = 0
        self.feed(path.read_bytes().decode("utf-8"))
        self.close()

    def handle_starttag(self, tag, attrs):
        self.values += [(name, value or "") for name, value in attrs]
        self._depth += tag == "svg"
        if self._depth:
            self.charts.add(tag)
        else:
            self.found.append((tag, *sorted(name for name, _ in attrs)))

    def handle_endtag(self, tag):
        self._depth -= tag == "svg"

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.found.append(("comment",))


def rendered(folder: Path, texts: list[str]) -> Path:
    store = Store.open(":memory:")
    hostile.fill(store, texts)
    return Path(render_site(store, folder / "site")).parent


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A site of nothing but hostile texts; the fixture of other files in this folder is not it."""
    return rendered(tmp_path_factory.mktemp("hostile"), hostile.TEXTS)


def names(site: Path) -> list[str]:
    """Folders of the models in the order in which they were stored."""
    return list(json.loads((site / "models" / "keys.json").read_text("utf-8")))


def pages(site: Path) -> dict[str, list[Elements]]:
    """Pages by folder; models and their batteries in the order in which they were stored."""
    models = [site / "models" / name / "index.html" for name in names(site)]
    links = [re.findall(r"batteries/[a-z0-9-]+\.html", m.read_text("utf-8")) for m in models]
    batteries = [site / found[0] for found in links]
    others = sorted(set(site.rglob("*.html")) - {*models, *batteries})
    found = {path.relative_to(site).parts[0]: [Elements(path)] for path in others}
    return (
        found
        | {"models": list(map(Elements, models))}
        | {"batteries": list(map(Elements, batteries))}
    )


def test_no_text_adds_an_element_or_an_attribute(site, tmp_path):
    """The same site with harmless texts in their places has the same elements."""
    attempted, plain = pages(site), pages(rendered(tmp_path, hostile.PLAIN))
    assert attempted.keys() == plain.keys()
    assert len(attempted["models"]) == len(set(hostile.TEXTS))
    for kind, found in attempted.items():
        for place, (ours, harmless) in enumerate(zip(found, plain[kind], strict=True)):
            assert ours.found == harmless.found, (kind, place)
            assert ours.charts <= {name.lower() for name in (*SVG, "a")}, (kind, place)


def test_every_text_is_there_to_be_read(site):
    for place, page in enumerate(pages(site)["models"]):
        text = hostile.TEXTS[place][:100].split("\r")[0].split("\x00")[0].split("\ud800")[0]
        assert text.strip() in page.text


def test_addresses_and_styles_hold_nothing_of_a_text(site):
    for found in pages(site).values():
        for page in found:
            ids = [value for name, value in page.values if name == "id"]
            assert len(ids) == len(set(ids))
            for name, value in page.values:
                if name in ("href", "src", "action"):
                    inside = re.fullmatch(r"(?:\.\./)*[\w./-]*(?:#[^\s<>\"]*)?", value)
                    outside = re.fullmatch(r"https?://[^\s<>\"]+", value)
                    picture = re.match(r"data:image/(png;base64|svg\+xml),", value)
                    assert inside or outside or picture, value[:200]
                if name == "style":
                    assert re.fullmatch(r"(--\w+: ?[\d.]+;?)+", value), value[:200]
                assert not name.startswith("on"), name


def test_file_names_are_plain(site):
    for path in site.rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9_.-]{1,90}", path.name), path
        assert not path.is_symlink()


def test_charts_are_pictures_and_nothing_else(site):
    found = list(site.rglob("*.svg"))
    assert len(found) >= len(hostile.TEXTS)
    for path in found:
        for element in ElementTree.fromstring(path.read_text("utf-8")).iter():  # noqa: S314
            assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in SVG, path
            for name, value in element.attrib.items():
                assert not name.lower().startswith("on"), path
                assert "javascript:" not in value.lower() or name in ("aria-label", "title"), path


def test_data_is_json_and_cannot_end_its_script(site):
    scripts = sorted(set(site.rglob("*.js")) - set((site / "static").iterdir()))
    assert scripts
    for path in scripts:
        text = path.read_text("ascii")
        assert "<" not in text, path
        call = re.fullmatch(r"nonsingular\.receive\((\".*?\"), (.*)\);\n", text)
        assert call, path
        assert json.loads(call[1])
        assert isinstance(json.loads(call[2]), dict)
    for path in site.rglob("*.json"):
        json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)


def test_tables_for_spreadsheets_hold_no_formulas(site):
    for path in site.rglob("*.csv"):
        rows = list(csv.reader(path.read_text("utf-8").splitlines(keepends=True), strict=True))
        assert len({len(row) for row in rows}) == 1, path
        for cell in (cell for row in rows for cell in row):
            assert not re.match(r"[=@\t\r]|[+-](?![\d.]|inf)", cell), (path, cell[:80])


def test_in_a_browser_nothing_happens_and_nothing_breaks(site, open_page):
    """The fixture fails the test on messages, errors and requests; dialogs are asked for here."""
    opened: list[str] = []
    paths = ["index.html", "findings.html", "compare.html", "submit.html"]
    paths += [f"models/{name}/index.html" for name in names(site)]
    paths += [f"batteries/{path.name}" for path in (site / "batteries").iterdir()]
    page = open_page(paths[0], root=site, width=375)

    def dismiss(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    for path in paths:
        page.goto(f"file://{site}/{path}")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, path
        assert page.locator("main h1").bounding_box()["height"] < 900, path
        rows = page.locator("table.models tbody tr").evaluate_all("r => r.map(x => x.offsetHeight)")
        assert max(rows, default=0) < 900, path
    assert opened == []


def test_a_board_of_hostile_texts_can_be_searched_sorted_and_filtered(site, open_page):
    page = open_page(root=site)
    board = page.locator("section.board").first
    page.wait_for_selector("section.board[data-ready]")
    board.get_by_role("searchbox").fill("zzz")
    board.locator(".filters summary").click()
    board.get_by_role("button", name="Clear").click()
    board.locator("th[data-key=model] button").click()
    assert board.locator("table.models tbody tr").count() == 1
    assert board.locator("script, img, iframe, style").count() == 0
