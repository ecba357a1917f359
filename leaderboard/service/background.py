"""What the service does besides answering: checking files, settling states, rendering, cleaning."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from leaderboard.jobs.worker import take_back_abandoned
from leaderboard.service.checker import Checker
from leaderboard.service.counterexamples import Counterexamples
from leaderboard.service.intake import Intake
from leaderboard.service.log import log
from leaderboard.service.renderer import Renderer
from leaderboard.store import Store
from leaderboard.store.jobs import Jobs
from leaderboard.store.submission import State

OPEN: tuple[State, ...] = ("checking", "queued", "running")
"""States of submissions that their jobs change."""

FAILED: tuple[State, ...] = ("failed",)

CLEANING_SECONDS = 60.0
"""How often files are looked for that no submission needs."""


@dataclass
class Background:
    """The threads of the service besides those that answer requests.

    A context manager, inside which they run.

    Attributes:
        store: where jobs and submissions are.
        intake: with the settings, the submissions and the files.
        checker: checks the files.
        renderer: renders the site.
        counterexamples: verifies those that are sent.
    """

    store: Store
    intake: Intake
    checker: Checker
    renderer: Renderer
    counterexamples: Counterexamples

    def __post_init__(self) -> None:
        self._stopped = threading.Event()
        self._jobs = Jobs(self.store.engine)
        self._cleaned = float("-inf")
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Background:
        """Start the threads."""
        tasks: list[Callable[[], object]] = [self.settle, self.renderer.work, self.clean]
        tasks += [self.counterexamples.work]
        tasks += [self.checker.work] * self.intake.settings.checkers
        for task in tasks:
            thread = threading.Thread(target=self._repeat, args=(task,), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop them; what a checker is at is taken up by the next one."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def settle(self) -> None:
        """Take back what ended processes had, and bring the states in line with the jobs.

        Submissions that have failed, of which there may be many, are looked at with each cleaning
        only: a job of theirs may have been tried again.
        """
        take_back_abandoned(self._jobs)
        self._settle(OPEN)

    def _settle(self, states: Collection[State]) -> None:
        if over := self.intake.submissions.settle(states):
            log("over", submissions=" ".join(over))
            self.renderer.mark()

    def clean(self) -> None:
        """Give up uploads that do not go on, and remove files that no submission needs."""
        if time.monotonic() - self._cleaned < CLEANING_SECONDS:
            return
        self._cleaned = time.monotonic()
        self.intake.clean()
        self._settle(FAILED)

    def advance(self) -> bool:
        """Do once what the threads do, in this one; returns whether there was anything to do."""
        checked = self.checker.work() or self.counterexamples.work()
        self.settle()
        self.clean()
        return self.renderer.work() or checked

    def _repeat(self, task: Callable[[], object]) -> None:
        """Do something again and again; a fault of one round does not end the others."""
        while not self._stopped.is_set():
            try:
                if task() is True:
                    continue
            except Exception as error:
                log("fault", task=getattr(task, "__qualname__", ""), kind=type(error).__name__)
            self._stopped.wait(self.intake.settings.pause)
