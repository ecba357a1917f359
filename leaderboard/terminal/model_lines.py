"""One line per model that is scored: how much is done, and how long the rest takes."""

from __future__ import annotations

from collections.abc import Sequence

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.text import Text

from benchmark.probes import PROBES
from benchmark.progress import Step, TimeLeft
from benchmark.results import ProbeResult
from leaderboard.terminal.output import console
from models_zoo.display import label

_MINUTE, _HOUR = 60, 3600


class ModelLines:
    """Shows in a terminal one line per model, and elsewhere a line per finished probe.

    It is a context manager, inside which the lines are shown.

    Args:
        names: the models' names.
        stored: whether all results of each model are stored already.
    """

    def __init__(self, names: Sequence[str], stored: Sequence[bool]) -> None:
        self._names = names
        self._timers = [TimeLeft() for _ in names]
        self._bars = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[state]}", style="dim", markup=False),
            _TimeColumn(),
            console=console(stderr=True),
        )
        self._lines = [
            self._bars.add_task(
                label(name),
                total=1.0,
                state="stored" if done else "waiting",
                timer=timer,
            )
            for name, done, timer in zip(names, stored, self._timers, strict=True)
        ]

        for line, done in zip(self._lines, stored, strict=True):
            self._bars.update(line, completed=float(done))

    def __enter__(self) -> ModelLines:
        """Show them."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave them as they are."""
        self._bars.stop()

    def progressed(self, index: int, step: Step) -> None:
        """Show where a model's evaluation is."""
        self._timers[index].update(step.share)
        state = PROBES[step.probe].title if step.share < 1 else "done"
        self._bars.update(self._lines[index], completed=step.share, state=state)

    def answered(self, index: int, result: ProbeResult) -> None:
        """Print that a probe has ended, where the lines are not shown."""
        if self._bars.console.is_terminal:
            return
        ended = "is left out" if result.left_out else f"took {result.cost.seconds:.1f} s"
        left = time_left(self._timers[index].seconds)
        line = f"{label(self._names[index])}: {PROBES[result.probe].title} {ended}"
        self._bars.console.print(line + (f", {left}" if left else ""))


class _TimeColumn(ProgressColumn):
    """The time since a model's evaluation began, and the time left."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        timer: TimeLeft = task.fields["timer"]
        if not timer.started:
            return Text("")
        left = time_left(timer.seconds)
        return Text(clock_time(timer.elapsed) + (f", {left}" if left else ""))


def clock_time(seconds: float) -> str:
    """A duration as a clock shows it, such as ``1:05`` or ``2:00:09``."""
    hours, rest = divmod(int(seconds), _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def time_left(seconds: float | None) -> str:
    """A time left in words, as precise as an estimate is; empty if unknown or over.

    Args:
        seconds: the time left; ``None`` if unknown.
    """
    if not seconds:
        return ""
    if seconds < 10:
        return "a few seconds left"
    if round(seconds / 5) < 12:
        return f"about {5 * round(seconds / 5)} s left"
    if seconds < 90 * _MINUTE:
        return f"about {round(seconds / _MINUTE)} min left"
    return f"about {seconds / _HOUR:.1f} h left"
