"""``nonsingular reproduce``: run a stored result again and compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.options import (
    DATABASE,
    Checkpoint,
    Data,
    Database,
    DataRoot,
    Note,
    Seed,
    Trust,
    chosen_device,
)
from leaderboard.commands.stored_result import (
    StoredBattery,
    StoredExamples,
    StoredSplit,
    stored_model,
    stored_result,
)
from leaderboard.output_paths import require_file_place
from leaderboard.terminal.output import console
from models_zoo.errors import InputError, unknown_name


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reproduce)


def reproduce(
    model: Annotated[
        str,
        typer.Argument(
            help="Model whose stored results are run again: its name, or at least 8 of the first "
            "digits of its fingerprint."
        ),
    ],
    probe: Annotated[
        list[str] | None,
        typer.Option(help="Only the result of this probe; repeatable. By default all stored."),
    ] = None,
    battery: StoredBattery = None,
    seed: Seed = 0,
    split: StoredSplit = "test",
    examples: StoredExamples = None,
    data: Data = None,
    data_root: DataRoot = None,
    checkpoint: Checkpoint = None,
    trust: Trust = False,
    device: Annotated[
        str | None,
        typer.Option(help="Where to compute; by default as in the stored run."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="CPU threads; by default as in the stored run."),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(help="Record the rerun in the database, under this person's name."),
    ] = None,
    note: Note = "",
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the rerun to this file, for record-rerun elsewhere."),
    ] = None,
    database: Database = DATABASE,
) -> None:
    """Run stored results again and print how well they agree.

    On the same machine with the same versions every number agrees to the last bit; otherwise the
    differences from the stored run are listed. Nothing is stored, except with --record. The exit
    code is 0 if all agree, else 1.
    """
    from rich.text import Text

    from leaderboard.commands.agreement_table import print_agreement, print_recorded
    from leaderboard.reruns.file import write_rerun
    from leaderboard.reruns.reproduction import reproduce as again
    from leaderboard.store import Store
    from leaderboard.store.reruns import require_signature

    require_file_place(json_file, "--json")
    if record is not None:
        require_signature(record, note)
    elif note:
        raise InputError("--note goes with --record, such as --record 'Ada Lovelace'")
    store = Store.open(database, to_read=True)
    if record is not None:
        store = Store.open(database)  # fail before computing if it cannot be written
    entry, images = stored_result(
        *(store, model),
        battery=battery,
        seed=seed,
        split=split,
        examples=examples,
        data=data,
        data_root=data_root,
    )
    for name in probe or ():
        if name not in entry.results:
            raise unknown_name(f"stored probe of {model}", name, entry.results)
    probes = list(dict.fromkeys(probe or entry.results))
    subject = stored_model(entry, model, checkpoint, trust=trust, database=database)
    with console(stderr=True).status(Text(model)) as status:
        found = again(
            entry,
            subject,
            images,
            probes,
            progress=lambda text: status.update(Text(f"{model}: {text}")),
            device=None if device is None else chosen_device(device),
            threads=threads,
        )
    print_agreement(found)
    if json_file is not None:
        write_rerun(json_file, entry, found)
    if record is not None:
        for each in found:
            where = entry.provenances[each.probe]
            store.record_rerun(where, each.probe, each.signed(record, note=note))
        print_recorded(found, entry.card.name, record)
    if not all(each.same for each in found):
        raise typer.Exit(1)
