"""``nonsingular counterexample``: verify a counterexample and lower the result that it is about."""

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
from leaderboard.commands.submit_online import Server, TokenOption, client_of
from leaderboard.terminal.output import say
from models_zoo.display import printable
from models_zoo.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(counterexample)


def counterexample(
    file: Annotated[
        Path,
        typer.Argument(
            help="Perturbed images, a displacement of the weights, or a trigger with one: a "
            ".safetensors file, see docs/counterexamples.md."
        ),
    ],
    model: Annotated[
        str | None,
        typer.Argument(
            help="Stored model that it is about: its name, or at least 8 of the first digits of "
            "its fingerprint; by default the one that the file states."
        ),
    ] = None,
    by: Annotated[str, typer.Option(help="Who found it, as the leaderboard shows it.")] = "",
    note: Annotated[str, typer.Option(help="Note for readers; one line.")] = "",
    battery: StoredBattery = None,
    seed: Seed = 0,
    split: StoredSplit = "test",
    examples: StoredExamples = None,
    data: Data = None,
    data_root: DataRoot = None,
    checkpoint: Checkpoint = None,
    trust: Trust = False,
    device: Annotated[str, typer.Option(help="Where to compute.")] = "cpu",
    server: Server = None,
    token: TokenOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Verify it, and store nothing.")
    ] = False,
    database: Database = DATABASE,
) -> None:
    """Verify a counterexample, and lower the stored results of the model that it contradicts.

    It is measured in float64 against the ball that it states, and classified again. What was
    measured before is kept, and the leaderboard shows both with the finder's name. A file that is
    known changes nothing. With --server it is sent to a submission service, which does the same.
    """
    from benchmark.counterexamples import read_counterexample
    from leaderboard.commands.counterexample_online import send
    from leaderboard.reruns.counterexamples import Finder, require_about, verified
    from leaderboard.store import Store
    from leaderboard.store.reruns import require_signature
    from models_zoo.checkpoint import sha256_file

    example = read_counterexample(file)
    if server is not None:
        if by or model or dry_run:
            raise InputError(
                "--server takes the finder from the token, and the model from the file"
            )
        raise typer.Exit(send(client_of(server, token), file, example, note))
    if not dry_run or by:
        if not by:
            raise InputError(
                "the leaderboard names who found a counterexample; give --by 'Ada Lovelace', or "
                "--dry-run to verify it only"
            )
        require_signature(by, note)
    asked = model or example.fingerprint
    if not asked:
        raise InputError("the file does not state its model; name the model after the file")
    store = Store.open(database, to_read=dry_run)
    entry, images = stored_result(
        *(store, asked),
        battery=battery,
        seed=seed,
        split=split,
        examples=examples,
        data=data,
        data_root=data_root,
    )
    require_about(example, entry)
    subject = stored_model(entry, asked, checkpoint, trust=trust, database=database)
    new = verified(
        *(example, sha256_file(file), entry, subject, images, Finder(by, note)),
        device=chosen_device(device),
    )
    found, name = new.found, printable(entry.card.name)
    say(
        f"verified: {found.n_broken:,} of {len(found.robust):,} examples of {name} are broken "
        f"within {found.threat.label}"
    )
    if dry_run:
        return
    where = entry.provenance
    changes = store.add_counterexample(where.fingerprint, where.data_sha256, new)
    for change in changes:
        for outcome, (before, after) in change.outcomes.items():
            say(
                printable(
                    f"{change.battery}, {change.probe}, {outcome}: {before:,} robust examples, "
                    f"now {after:,}"
                )
            )
    if not changes:
        say("no stored result is higher than that; nothing changes")
