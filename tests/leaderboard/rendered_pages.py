"""Reading a rendered page as a browser's parser would."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Tags with their attributes, and the text of a page."""

    VOID = ("meta", "link", "br", "hr", "input", "col", "img", "rect", "line", "path", "circle")

    def __init__(self, text):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert self.open == [], f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def pages(site: Path) -> dict[str, str]:
    """Every page of a site, by its path."""
    return {str(p.relative_to(site)): p.read_text("utf-8") for p in site.rglob("*.html")}
