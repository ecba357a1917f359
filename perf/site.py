"""The site with ten thousand models: time to render and response times.

Run ``python -m perf.site`` from the root of a checkout, with Chromium installed. It writes its
section of ``docs/performance.md``.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import psutil
import typer
from playwright.sync_api import Page as BrowserPage
from playwright.sync_api import sync_playwright

from leaderboard.jobs.executors import cores
from models_zoo.errors import InputError
from perf.command import PAGE, Page, console, run_command
from perf.page import line, write_section
from perf.records import processor
from perf.synthetic_board import EXAMPLES, fill

TOOL = "site"
LIMITS = {"render": 30.0, "memory": 2.0, "first": 1.5, "answer": 0.1}
"""Required limits: seconds, GB, seconds, seconds."""

MEMORY = ("memory first", "memory again")
"""The figures in GB; others are in seconds."""

_ANSWERED = """async ({selector, event, value}) => {
  const element = document.querySelector(selector);
  if (value !== null) element.value = value;
  const started = performance.now();
  if (event === "click") element.click();
  else element.dispatchEvent(new Event(event, {bubbles: true}));
  await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted)));
  document.querySelector("table.models").getBoundingClientRect();
  return performance.now() - started;
}"""
"""Milliseconds from an action to the frame that shows its effect."""

_BOARD = "#digits-v1"
ACTIONS = {
    "sort by a score": (f'{_BOARD} [data-key="weight.robust_accuracy"] button', "click", None),
    "sort by name": (f'{_BOARD} [data-key="model"] button', "click", None),
    "search": (f"{_BOARD} [name=q]", "input", "vit trades"),
    "filter by recipe": (f"{_BOARD} [name=recipe]", "input", "pgd-at"),
    "clear the search": (f"{_BOARD} [name=q]", "input", ""),
}


def run(
    models: Annotated[int, typer.Option(min=200, help="Number of synthetic models.")] = 10_000,
    repeats: Annotated[int, typer.Option(min=1, help="Number of times each action is timed.")] = 5,
    page: Page = PAGE,
    keep: Annotated[
        Path | None, typer.Option(help="Keep database and site in this new folder.")
    ] = None,
) -> None:
    """Render a board of synthetic models, open it in headless Chromium and measure both."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise InputError("chromium is not installed; install Debian's package of that name")
    with _folder(keep) as folder:
        console.print(f"making up {models:,} models")
        fill(folder / "board.sqlite", models)
        os.sync()  # otherwise the disk would still be busy with it while the site is written
        figures = _rendered(folder, "first") | _rendered(folder, "again")
        console.print("opening the site")
        figures |= _opened(folder / "site", chromium, repeats)
        figures["size"] = sum(f.stat().st_size for f in (folder / "site").rglob("*")) / 1e6
    write_section(page, TOOL, _section(models, repeats, figures))
    console.print(f"{page}: " + ", ".join(f"{k} {v:.3g}" for k, v in figures.items()))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True)
        yield keep
        return
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _rendered(folder: Path, kind: str) -> dict[str, float]:
    """Wall time and peak memory of the command, its worker processes included."""
    command = [sys.executable, "-m", "leaderboard.cli", "site"]
    command += ["--database", str(folder / "board.sqlite"), "--out", str(folder / "site")]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    peak = _Peak(process.pid)
    peak.start()
    if process.wait():
        raise InputError(f"{' '.join(command)} failed")
    seconds = time.perf_counter() - started
    peak.join()
    return {f"render {kind}": seconds, f"memory {kind}": peak.octets / 1e9}


class _Peak(threading.Thread):
    """Peak memory of a process and its children, shared pages counted once."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process = psutil.Process(pid)
        self.octets = 0

    def run(self) -> None:
        while True:
            try:
                family = [self.process, *self.process.children(recursive=True)]
                if self.process.status() == psutil.STATUS_ZOMBIE:
                    return
                self.octets = max(self.octets, sum(_proportional(each) for each in family))
            except psutil.Error:
                if not self.process.is_running():
                    return
            time.sleep(0.1)


def _proportional(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def _opened(site: Path, chromium: str, repeats: int) -> dict[str, float]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        firsts: list[float] = []
        readies: list[float] = []
        answers: dict[str, list[float]] = {name: [] for name in ACTIONS}
        for _ in range(repeats):
            page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
            started = time.perf_counter()
            page.goto((site / "index.html").as_uri(), wait_until="commit")
            page.wait_for_selector(f"{_BOARD} table.models tbody tr", state="visible")
            firsts.append(time.perf_counter() - started)
            page.wait_for_selector(f"{_BOARD}[data-ready]")
            readies.append(time.perf_counter() - started)
            page.wait_for_timeout(500)  # a reader does not act in the first frame with the controls
            for name, milliseconds in acted(page).items():
                answers[name].append(milliseconds / 1000)
            page.context.close()
        browser.close()
    figures = {"first table": statistics.median(firsts), "controls": statistics.median(readies)}
    return figures | {name: max(times) for name, times in answers.items()}


def acted(page: BrowserPage) -> dict[str, float]:
    """Do each of :data:`ACTIONS` once; milliseconds until the frame that shows its effect."""
    times: dict[str, float] = {}
    for name, (selector, event, value) in ACTIONS.items():
        asked: dict[str, Any] = {"selector": selector, "event": event, "value": value}
        times[name] = page.evaluate(_ANSWERED, asked)
    return times


def _section(models: int, repeats: int, figures: dict[str, float]) -> str:
    asked = {
        "render first": f"{LIMITS['render']:.0f} s",
        "memory first": f"{LIMITS['memory']:.0f} GB",
        "first table": f"{LIMITS['first']} s",
    } | dict.fromkeys(ACTIONS, f"{LIMITS['answer']} s")
    words = {
        "render first": "render from nothing",
        "memory first": "peak memory of that, both processes",
        "render again": "render again, nothing changed",
        "first table": f"first table on screen (median of {repeats})",
        "controls": "controls ready (median)",
    } | {name: f"{name} (slowest of {repeats})" for name in ACTIONS}
    rows = [
        line([text, _shown(key, figures[key]), asked.get(key, "")]) for key, text in words.items()
    ]
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("nonsingular", "jinja2", "sqlalchemy", "playwright")
    )
    return "\n".join(
        [
            f"{models:,} synthetic models on one board, {EXAMPLES} examples each, with all scores "
            "of the digits battery's ten probes, outcomes at every budget and flags, without "
            f"curves and images. {processor('cpu')}, {cores()} cores; Python "
            f"{platform.python_version()}, {versions}; headless Chromium; "
            f"{datetime.now(UTC):%Y-%m-%d}. The site has {figures['size']:,.0f} MB.",
            "",
            line(["", "measured", "limit"]),
            line(["---", "---:", "---:"]),
            *rows,
            "",
        ]
    )


def _shown(key: str, value: float) -> str:
    if key in MEMORY:
        return f"{value:.2f} GB"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
