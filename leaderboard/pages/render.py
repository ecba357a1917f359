"""Rendering everything in a store as static pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.resources import files
from itertools import accumulate
from pathlib import Path

from benchmark.headline import NAME
from benchmark.probes import PROBES
from leaderboard.board import headline_scores, make_boards, offering_probes
from leaderboard.board.card_columns import CARD_COLUMNS
from leaderboard.board.rows import profile_shares
from leaderboard.charts.svg import Painter
from leaderboard.exports.bibliography import bibliography
from leaderboard.exports.index import board_of, index_of
from leaderboard.exports.schema import write_schemas
from leaderboard.formatting.json_text import json_text
from leaderboard.formatting.slugs import unique_slugs
from leaderboard.pages.battery import battery_values
from leaderboard.pages.board_files import PAGE, further_pages, write_board
from leaderboard.pages.comparison import write_index
from leaderboard.pages.environment import render_page
from leaderboard.pages.findings import findings_values
from leaderboard.pages.landscape_files import LandscapePage
from leaderboard.pages.memory import garbage_collection_paused
from leaderboard.pages.model_folders import (
    UnreadableModelError,
    closed_on_exit,
    folders_of,
    start_processes,
    write_models,
)
from leaderboard.pages.publish import replacing
from leaderboard.pages.published_database import publish_database
from leaderboard.pages.site_options import FILE, SiteOptions, stored_options
from leaderboard.pages.submit import submit_values
from leaderboard.reported import known_rows
from leaderboard.store import Store, Summary
from models_zoo.errors import InputError, shown

ZOO = ("bundled", "downloaded", "installed")
"""Sources of the models that the findings use: their training is known."""


def render_site(
    store: Store,
    out: str | Path,
    progress: Callable[[int, int], None] | None = None,
    landscapes: Mapping[str, LandscapePage] | None = None,
    *,
    database: bool = True,
    options: SiteOptions | None = None,
) -> Path:
    """Write the leaderboard as a folder of static pages, in place of an earlier one.

    The pages need no server, no network and no JavaScript. Until all are written, an earlier site
    at ``out`` stays as it is. Pages of models whose results have not changed are taken from it.

    Args:
        store: what to show.
        out: a folder that is missing, empty or holds an earlier site.
        progress: called with the number of finished models and of all models.
        landscapes: pages of the loss around models, by fingerprint; those of the earlier site are
            kept.
        database: whether to publish the database with the pages, if it is SQLite.
        options: links and choices of the site; those of the earlier site if not given.

    Returns:
        Path of the front page.

    Raises:
        InputError: ``store`` is not a store, or ``out`` holds something else or cannot be written.
    """
    if not isinstance(store, Store):
        raise InputError(
            f"store must be a Store, got {shown(store)}; Store.open makes one of a file"
        )
    out = Path(out)
    chosen = stored_options(out) if options is None else options
    with garbage_collection_paused():
        try:
            with replacing(out) as folder:
                _render(store, folder, out, progress, landscapes or {}, chosen, database=database)
        except UnreadableModelError:
            # Rows of the board are read without the results themselves, which are damaged.
            store.leave_out_unreadable()
            with replacing(out) as folder:
                _render(store, folder, out, progress, landscapes or {}, chosen, database=database)
    return out / "index.html"


def _render(
    store: Store,
    folder: Path,
    out: Path,
    progress: Callable[[int, int], None] | None,
    landscapes: Mapping[str, LandscapePage],
    options: SiteOptions,
    *,
    database: bool,
) -> None:
    processes = start_processes(store, out / "models")
    with closed_on_exit(processes):
        summaries = store.summaries(headline_scores(store.batteries().values()), offering_probes())
        deque(processes, maxlen=0)
    names = unique_slugs({each.fingerprint: each.card.name for each in summaries})
    models = {fingerprint: f"models/{name}/index.html" for fingerprint, name in names.items()}
    of_batteries = unique_slugs({each.battery_sha256: each.battery for each in summaries})
    batteries = {key: f"batteries/{name}.html" for key, name in of_batteries.items()}
    folders = folders_of(summaries, names, batteries, landscapes, options.links)
    linked, written = write_models(store, folders, batteries, out / "models", folder / "models")
    with closed_on_exit(written):
        published = database and publish_database(store, summaries, folder)
        page = partial(render_page, has_database=published, links=options.links)
        _write_pages(store, summaries, models, batteries, folder, out, page, options)
        for done in accumulate(written, initial=linked):
            if progress:
                progress(done, len(folders))


def _write_pages(
    store: Store,
    summaries: Sequence[Summary],
    models: dict[str, str],
    batteries: dict[str, str],
    folder: Path,
    out: Path,
    page: Callable[..., str],
    options: SiteOptions,
) -> None:
    """Everything but the models' folders."""
    painter = Painter(out / "charts", folder / "charts")
    contents = store.batteries()
    tested = [summary for summary in summaries if not summary.on_training_data]
    reported = known_rows(store)
    made = make_boards(tested, contents, models, batteries, painter, options.min_examples, reported)
    boards = [board for board in made if not board.is_trial]
    records = [board_of(board) for board in boards]
    for board, record in zip(boards, records, strict=True):
        write_board(board, record, folder / "boards", options.links)
    write_schemas(folder / "schema")
    write_index(summaries, made, models, folder / "models")
    pages = {
        "index.html": page(
            "index.html.j2",
            "",
            boards=boards,
            trials=[board for board in made if board.is_trial],
            min_examples=options.min_examples,
            unlisted=_unlisted(summaries, tested, models),
            most=PAGE,
            further=further_pages,
            card_columns=CARD_COLUMNS,
            profile_labels=[share.label for share in profile_shares().values()],
        ),
        "compare.html": page("compare.html.j2", ""),
    }
    for sha256, path in batteries.items():
        values = battery_values(sha256, contents, summaries, models, batteries, boards)
        pages[path] = page("battery.html.j2", "../", **values)
    pages["submit.html"] = page("submit.html.j2", "", **submit_values())
    pages["results.json"] = json_text(index_of(records, options.licence)) + "\n"
    probes = {probe for content in contents.values() for probe in content.get("probes", {})}
    pages[CITATIONS] = bibliography([NAME, *(probe for probe in PROBES if probe in probes)])
    zoo = {each.fingerprint for each in summaries if each.card.source in ZOO}
    values = findings_values(store.entries(fingerprints=zoo), painter)
    pages["findings.html"] = page("findings.html.j2", "", **values)
    pages[FILE] = options.model_dump_json(indent=1) + "\n"
    _write(folder, pages)
    static = files("leaderboard.pages") / "static"
    (folder / "static").mkdir()
    for file in static.iterdir():
        (folder / "static" / file.name).write_bytes(file.read_bytes())


CITATIONS = "citations.bib"
"""At the top of a site: BibTeX of the suite and of the methods of its batteries."""


def _unlisted(
    summaries: Sequence[Summary], tested: Sequence[Summary], models: dict[str, str]
) -> dict[str, str]:
    """Names of the models that are on no board, by the path of their page."""
    listed = {each.fingerprint for each in tested}
    return {
        models[each.fingerprint]: each.card.name
        for each in summaries
        if each.fingerprint not in listed
    }


def _write(folder: Path, pages: dict[str, str]) -> None:
    for path, text in pages.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # One name with a lone surrogate must not prevent the other pages.
        target.write_bytes(text.encode("utf-8", "replace"))
