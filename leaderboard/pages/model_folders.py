"""The models' folders: page, record and charts. Unchanged folders are reused."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import warnings
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import joblib

from leaderboard.charts.svg import Painter
from leaderboard.exports.files import model_files
from leaderboard.pages.comparison import write_comparison
from leaderboard.pages.environment import render_page
from leaderboard.pages.how_to_load import how_to_load
from leaderboard.pages.landscape_files import LandscapePage, put_landscape
from leaderboard.pages.memory import garbage_collection_paused
from leaderboard.pages.model import make_evaluation
from leaderboard.pages.model_headlines import headline_rows
from leaderboard.pages.reported_scores import reported_lines
from leaderboard.pages.site_options import SiteLink
from leaderboard.store import Entry, Store, Summary
from leaderboard.submissions.function import of_same_function

KEYS = "keys.json"
"""File in the ``models`` folder with a hash of what each model's folder was made from."""

_MODELS_PER_READ = 100
_MIN_MODELS_FOR_PROCESSES = 16
"""Models per query of the store, and the number from which several processes are worthwhile."""


@dataclass(frozen=True)
class Folder:
    """A model's place on the site.

    Attributes:
        fingerprint: the model.
        name: of its folder within ``models``.
        key: hash that changes when the folder has to be written again.
        landscape: a page of the loss around the model, shown with it.
        namesakes: stored results of other models with the same name, which commands must exclude.
        links: the site's.
        same: names of the models that compute the same function, with those of their folders.
    """

    fingerprint: str
    name: str
    key: str
    landscape: LandscapePage | None = None
    namesakes: tuple[Summary, ...] = ()
    links: tuple[SiteLink, ...] = ()
    same: tuple[tuple[str, str], ...] = ()


def folders_of(
    summaries: Sequence[Summary],
    names: dict[str, str],
    battery_pages: dict[str, str],
    landscapes: Mapping[str, LandscapePage],
    links: tuple[SiteLink, ...] = (),
) -> list[Folder]:
    """One folder per model.

    Args:
        summaries: everything stored.
        names: name of a model's folder, by fingerprint.
        battery_pages: path of a battery's page, by hash.
        landscapes: pages of the loss around models, by fingerprint.
        links: the site's.
    """
    revisions: dict[str, list[str]] = {fingerprint: [] for fingerprint in names}
    named: dict[str, list[Summary]] = {}
    for summary in summaries:
        named.setdefault(summary.card.name, []).append(summary)
        revisions[summary.fingerprint] += [
            summary.revision,
            battery_pages[summary.battery_sha256],
        ]
    for fingerprint in landscapes.keys() & revisions.keys():
        revisions[fingerprint].append(landscapes[fingerprint].sha256)
    others: dict[str, list[Summary]] = {fingerprint: [] for fingerprint in names}
    for sharing in named.values():
        for fingerprint in {each.fingerprint for each in sharing}:
            others[fingerprint] = [each for each in sharing if each.fingerprint != fingerprint]
            revisions[fingerprint] += [repr(each.key) for each in others[fingerprint]]
    same = _same_functions(summaries, names)
    return [
        Folder(
            fingerprint,
            name,
            _hash([name, _code_hash(), repr((links, same[fingerprint])), *revisions[fingerprint]]),
            landscapes.get(fingerprint),
            tuple(others[fingerprint]),
            links,
            same[fingerprint],
        )
        for fingerprint, name in names.items()
    ]


def _same_functions(
    summaries: Sequence[Summary], names: Mapping[str, str]
) -> dict[str, tuple[tuple[str, str], ...]]:
    """By fingerprint, the other models of the same function: names, and those of the folders."""
    cards = {each.fingerprint: each.card for each in summaries}
    functions = {key: card.function for key, card in cards.items() if card.function is not None}
    found = of_same_function(functions)
    return {
        key: tuple((cards[other].name, names[other]) for other in found.get(key, []))
        for key in names
    }


def start_processes(store: Store, earlier: Path) -> Generator[None, None, None]:
    """Start the processes that :func:`write_models` will use, if it is certain to need them.

    They import for seconds; the caller can read the store meanwhile.

    Args:
        store: where the models' results are.
        earlier: the ``models`` folder of the earlier site; may be missing.

    Returns:
        A generator that ends when they are ready. Exhaust it before they are given work, inside
        :func:`closed_on_exit`.
    """
    if (earlier / KEYS).exists() or not _use_processes(store, len(store.names())):
        return (None for _ in ())
    tasks = [joblib.delayed(_import)()] * joblib.cpu_count()
    started: Generator[None, None, None] = _processes()(tasks)
    return started


def _import() -> None:
    """Does nothing; calling it makes a process import this module."""


def _use_processes(store: Store, models: int) -> bool:
    """Whether several processes are worthwhile for this many models and can read the store."""
    on_disk = store.engine.url.database not in (None, "", ":memory:")
    return models >= _MIN_MODELS_FOR_PROCESSES and on_disk


def _processes() -> joblib.Parallel:
    return joblib.Parallel(n_jobs=joblib.cpu_count(), return_as="generator_unordered")


@contextmanager
def closed_on_exit(work: Generator[Any, None, None]) -> Iterator[None]:
    """Close a generator of work in processes when the block ends, also if it fails."""
    try:
        yield
    finally:
        with warnings.catch_warnings():  # about unfinished work
            warnings.simplefilter("ignore", UserWarning)
            work.close()


def write_models(
    store: Store,
    folders: Sequence[Folder],
    battery_pages: dict[str, str],
    earlier: Path,
    new: Path,
) -> tuple[int, Generator[int, None, None]]:
    """Write every model's folder, or link it from the site that was rendered before.

    With many models, processes start on them at once while the caller does something else.

    Args:
        store: where the models' results are.
        folders: what to write.
        battery_pages: path of a battery's page, by hash.
        earlier: the ``models`` folder of the earlier site; may be missing.
        new: the ``models`` folder of the new one.

    Returns:
        The number of models that were linked, and a generator of the numbers of models written
        since the last step. Exhaust it inside :func:`closed_on_exit`.
    """
    new.mkdir(parents=True, exist_ok=True)
    (new / KEYS).write_text(json.dumps({f.name: f.key for f in folders}, indent=0), "utf-8")
    kept = _keys(earlier)
    todo = [
        folder
        for folder in folders
        if kept.get(folder.name) != folder.key
        or not _link(earlier / folder.name, new / folder.name)
    ]
    written: Generator[int, None, None]
    if not _use_processes(store, len(todo)):
        parts = [todo[i : i + _MODELS_PER_READ] for i in range(0, len(todo), _MODELS_PER_READ)]
        written = (_write(store, part, battery_pages, earlier, new) for part in parts)
    else:
        address = store.engine.url.render_as_string(hide_password=False)
        written = _processes()(
            joblib.delayed(_write_in_process)(address, part, battery_pages, earlier, new)
            for part in _even_parts(todo)
        )
    return len(folders) - len(todo), written


def _even_parts(todo: Sequence[Folder]) -> list[list[Folder]]:
    size = min(_MODELS_PER_READ, -(-len(todo) // (4 * joblib.cpu_count())))
    return [list(todo[i : i + size]) for i in range(0, len(todo), size)]


class UnreadableModelError(Exception):
    """A model has a readable row on the board, but none of its results can be read."""


def _write_in_process(
    url: str, folders: Sequence[Folder], battery_pages: dict[str, str], earlier: Path, new: Path
) -> int:
    """Write folders in another process."""
    with garbage_collection_paused():
        return _write(_opened(url), folders, battery_pages, earlier, new)


@cache
def _opened(url: str) -> Store:
    return Store.open(url, to_read=True, quiet=True)  # the main process has printed the warnings


def _write(
    store: Store,
    folders: Sequence[Folder],
    battery_pages: dict[str, str],
    earlier: Path,
    new: Path,
) -> int:
    entries: dict[str, list[Entry]] = {folder.fingerprint: [] for folder in folders}
    for entry in store.entries(fingerprints=list(entries)):
        entries[entry.provenance.fingerprint].append(entry)
    for folder in folders:
        if not entries[folder.fingerprint]:
            raise UnreadableModelError
        _write_model(entries[folder.fingerprint], folder, battery_pages, earlier, new)
    return len(folders)


def _write_model(
    entries: Sequence[Entry],
    folder: Folder,
    battery_pages: dict[str, str],
    earlier: Path,
    new: Path,
) -> None:
    before, own = earlier / folder.name, new / folder.name
    own.mkdir()
    among: list[Entry | Summary] = [*entries, *folder.namesakes]
    painter = Painter(before / "charts", own / "charts")
    evaluations = [
        make_evaluation(entry, battery_pages[entry.provenance.battery_sha256], painter, among)
        for entry in entries
    ]
    page = render_page(
        "model.html.j2",
        "../../",
        entry=entries[0],
        name=folder.name,
        links=folder.links,
        headlines=headline_rows(entries),
        claims=reported_lines(entries[0].card, entries),
        evaluations=evaluations,
        load=how_to_load(entries[0].card),
        export=shlex.join(["nonsingular", "export", entries[0].card.name]),
        same=folder.same,
        landscape=put_landscape(folder.landscape, folder.fingerprint, before, own),
    )
    for file, text in (model_files(entries, folder.namesakes) | {"index.html": page}).items():
        # One name with a lone surrogate must not prevent the other pages.
        (own / file).write_bytes(text.encode("utf-8", "replace"))
    write_comparison(entries, own)


def _keys(earlier: Path) -> dict[str, str]:
    with suppress(OSError, ValueError):
        kept = json.loads((earlier / KEYS).read_text("utf-8"))
        return kept if isinstance(kept, dict) else {}
    return {}


def _link(old: Path, new: Path) -> bool:
    """Hard-link an unchanged folder's files, or copy them where that is not possible."""
    if not (old / "index.html").is_file():
        return False
    try:
        shutil.copytree(old, new, copy_function=_link_file)
    except (OSError, shutil.Error):
        shutil.rmtree(new, ignore_errors=True)
        return False
    return True


def _link_file(old: str, new: str) -> None:
    try:
        os.link(old, new)
    except OSError:
        shutil.copyfile(old, new)


@cache
def _code_hash() -> str:
    """Hash of the code that makes a folder."""
    parts = [version("nonsingular"), version("altair"), version("vl-convert-python")]
    return _hash([*parts, *(path.read_text("utf-8") for path in _sources())])


def _sources() -> Iterable[Path]:
    """All files that decide what a model's folder holds, including the texts of probes."""
    for package, pattern in (
        ("leaderboard", "*.py"),
        ("leaderboard.pages", "*.j2"),
        ("benchmark.probes", "*.py"),
    ):
        root = Path(str(files(package)))
        yield from sorted(path for path in root.rglob(pattern) if "migrations" not in path.parts)


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()[:32]
