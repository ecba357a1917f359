"""Rendering everything in a store as static pages."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined

from leaderboard.site.board import make_boards
from leaderboard.site.export import to_json
from leaderboard.site.findings_page import findings_values, prose
from leaderboard.site.model_page import how_to_load, make_evaluation
from leaderboard.site.publish import replacing
from leaderboard.site.slugs import unique_slugs
from leaderboard.site.svg import Painter
from leaderboard.site.texts import ABSENT, SHOWN_UNITS, plain, probe_text
from leaderboard.store import Store


def render_site(store: Store, out: Path) -> Path:
    """Write the leaderboard as a folder of static pages, in place of an earlier one.

    The pages need no server, no network and no JavaScript. Until all are written, an earlier site
    at ``out`` stays as it is.

    Args:
        store: what to show.
        out: a folder that is missing, empty or holds an earlier site.

    Returns:
        Path of the front page.

    Raises:
        InputError: ``out`` holds something else or cannot be written.
    """
    entries = store.entries()
    names = {entry.provenance.fingerprint: entry.card.name for entry in entries}
    models = {key: f"models/{name}.html" for key, name in unique_slugs(names).items()}
    names = {e.provenance.battery_sha256: e.provenance.battery for e in entries}
    batteries = {key: f"batteries/{name}.html" for key, name in unique_slugs(names).items()}
    with replacing(out) as folder:
        painter = Painter(out / "charts", folder / "charts")
        tested = [entry for entry in entries if not entry.on_training_data]
        boards = make_boards(tested, models, batteries, painter)
        pages: dict[str, str] = {"index.html": render_page("index.html.j2", "", boards=boards)}
        for fingerprint, path in models.items():
            own = [e for e in entries if e.provenance.fingerprint == fingerprint]
            evaluations = [
                make_evaluation(entry, batteries[entry.provenance.battery_sha256], painter)
                for entry in own
            ]
            pages[path] = render_page(
                "model.html.j2",
                "../",
                entry=own[0],
                evaluations=evaluations,
                load=how_to_load(own[0].card),
            )
        for sha256, path in batteries.items():
            own = [e for e in entries if e.provenance.battery_sha256 == sha256]
            scored = {models[e.provenance.fingerprint]: e.card.name for e in own}
            pages[path] = render_page("battery.html.j2", "../", entries=own, models=scored.items())
        values = findings_values(entries, painter)
        pages["findings.html"] = render_page("findings.html.j2", "", **values)
        pages["results.json"] = to_json(entries, models)
        for static in ("style.css", "table.js"):
            pages[static] = (files("leaderboard.site") / "static" / static).read_text("utf-8")
        _write(folder, pages)
    return out / "index.html"


def _write(folder: Path, pages: dict[str, str]) -> None:
    for path, text in pages.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate in somebody's name must not stop everybody's pages.
        target.write_bytes(text.encode("utf-8", "replace"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("leaderboard.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "web_link": web_link, "memory": _memory, "prose": prose}
    environment.globals |= {
        "probe_text": probe_text,
        "units": SHOWN_UNITS,
        "version": importlib.metadata.version("nonsingular"),
    }
    return environment


def render_page(template: str, root: str, **values: Any) -> str:
    """One page from its template; ``root`` leads from it to the top of the site."""
    return _environment().get_template(template).render(root=root, **values)


def web_link(url: object) -> str | None:
    """The address as text where a page may link to it: http and https only, else ``None``."""
    text = str(url)
    return text if urlsplit(text).scheme in ("http", "https") else None


def _memory(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size else ABSENT
