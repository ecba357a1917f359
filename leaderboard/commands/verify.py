"""``nonsingular verify``: run a random part of the stored results again."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.commands.options import (
    DATABASE,
    Database,
    DataRoot,
    Trust,
    chosen_device,
    stored_battery,
)
from leaderboard.terminal.output import say
from models_zoo.display import label, printable
from models_zoo.errors import InputError

if TYPE_CHECKING:
    from benchmark.datasets import Dataset
    from leaderboard.reruns.agreement import Reproduction
    from leaderboard.reruns.spot_check import SpotCheck
    from leaderboard.store import Entry


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)


def verify(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Stored models: names, with wildcards * and ?, or starts of fingerprints; by "
            "default all."
        ),
    ] = None,
    minutes: Annotated[float, typer.Option(min=0.01, help="Time to spend.")] = 2.0,
    battery: Annotated[
        str | None, typer.Option(help="Only results of this battery, by name, hash or file.")
    ] = None,
    choice: Annotated[
        int | None,
        typer.Option(
            min=0, help="Seed of the random choice, to repeat it; by default another every time."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Images of the results: .npz with x and y; repeatable."),
    ] = None,
    data_root: DataRoot = None,
    trust: Trust = False,
    device: Annotated[
        str | None, typer.Option(help="Where to compute; by default as in the stored run.")
    ] = None,
    database: Database = DATABASE,
) -> None:
    """Run a random part of stored or imported results again, and say what holds.

    Results are chosen at random until the time is used up. Where a whole result would take too
    long, and its outcomes do not depend on each other, a random part of its examples is run. On the
    machine and with the versions of the stored run every number agrees to the last bit; elsewhere
    each difference is listed with what differs. Nothing is stored. The exit code is 1 if a number
    differs.
    """
    from leaderboard.exports.selection import chosen_entries
    from leaderboard.reruns.spot_check import spot_checks
    from leaderboard.reruns.stored_model import load_stored
    from leaderboard.store import Store
    from leaderboard.submissions.workspace import workspace_of

    store = Store.open(database, to_read=True)
    entries = chosen_entries(store, models or [], stored_battery(battery))
    workspace = workspace_of(database)
    seed = secrets.randbelow(10**6) if choice is None else choice
    where = None if device is None else chosen_device(device)
    say(f"choice {seed}; repeat it with --choice {seed}")
    done: list[Reproduction] = []
    left: dict[str, int] = {}
    for each in spot_checks(
        entries,
        lambda entry: load_stored(entry.card, entry.card.name, trust=trust, workspace=workspace),
        _Images(data or [], data_root),
        seconds=60 * minutes,
        seed=seed,
        device=where,
    ):
        if each.found is None:
            left[each.reason] = left.get(each.reason, 0) + 1
            continue
        done.append(each.found)
        say(_line(each, each.found))
    for reason, count in left.items():
        say(f"{count} not run: {printable(reason)}")
    if not done:
        raise InputError(f"nothing could be run in {minutes:g} minutes; give more with --minutes")
    same = sum(each.same for each in done)
    say(f"{len(done)} results run again: {same} agree to the last bit, {len(done) - same} differ")
    if same < len(done):
        raise typer.Exit(1)


def _line(each: SpotCheck, found: Reproduction) -> str:
    part = "" if each.examples == each.total else f" on {each.examples} of {each.total} examples"
    of = f"{label(each.entry.card.name)}, {label(each.entry.provenance.battery)}"
    start = f"{of}, {each.probe}{part}: "
    if found.same:
        return f"{start}agrees to the last bit"
    differing, total = found.examples
    largest = found.largest_difference
    scores = "" if largest is None else f", scores by up to {largest:.2g}"
    why = f"; run with {', '.join(found.circumstances)}" if found.circumstances else ""
    return printable(f"{start}{differing:,} of {total:,} outcomes differ{scores}{why}")


class _Images:
    """Loads the examples of stored results, from files or as the data set's own split."""

    def __init__(self, files: list[Path], root: Path | None) -> None:
        self.files, self.root = files, root

    def __call__(self, entry: Entry) -> Dataset:
        """The examples of an entry.

        Raises:
            InputError: they are not in any of the files and cannot be loaded.
        """
        where = entry.provenance
        for file in self.files:
            found = self._of_file(file, entry.battery["dataset"], where.split)
            if len(found) >= where.examples:
                part = found.head(where.examples)
                if part.sha256 == where.data_sha256:
                    return part
        return self._own(entry)

    def _own(self, entry: Entry) -> Dataset:
        from leaderboard.jobs.examples import evaluation_examples, preprocessing_of
        from leaderboard.reruns.find_results import entry_on_images

        where = entry.provenance
        data = evaluation_examples(
            entry.battery["dataset"],
            None,
            self.root,
            where.examples,
            split=where.split,
            preparation=preprocessing_of([entry.card]),
        )
        entry_on_images([entry], data)
        return data

    @staticmethod
    @cache
    def _of_file(file: Path, dataset: str, split: str) -> Dataset:
        from leaderboard.jobs.examples import evaluation_examples

        return evaluation_examples(dataset, file, None, None, split=split, own_data=True)
