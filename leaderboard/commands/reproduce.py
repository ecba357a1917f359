"""``nonsingular reproduce``: run a stored result again and compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leaderboard.options import DATABASE, Checkpoint, Data, Database, DataRoot, Seed
from models_zoo.errors import InputError, unknown_name

if TYPE_CHECKING:
    from leaderboard.reproduction import Reproduction
    from leaderboard.store import Entry
    from models_zoo.card import Card
    from models_zoo.classifier import Classifier


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(reproduce)


def reproduce(
    model: Annotated[str, typer.Argument(help="Model whose stored results are run again.")],
    probe: Annotated[
        list[str] | None,
        typer.Option(help="Only the result of this probe; repeatable. By default all stored."),
    ] = None,
    battery: Annotated[
        str | None, typer.Option(help="Battery of the results, where there are several.")
    ] = None,
    seed: Seed = 0,
    split: Annotated[
        str, typer.Option(help="Results on the images of 'test', or on those of 'train'.")
    ] = "test",
    data: Data = None,
    data_root: DataRoot = None,
    checkpoint: Checkpoint = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="CPU threads; by default as many as in the record.")
    ] = None,
    database: Database = DATABASE,
) -> None:
    """Run stored results again from their record and print how well they agree.

    On the same machine with the same versions every number agrees to the last bit; what differs
    from the record is listed. Nothing is stored. Exit code 0 where all agrees, else 1.
    """
    import torch
    from rich.console import Console

    from leaderboard.examples import evaluation_examples
    from leaderboard.reproduction import reproduce as again
    from leaderboard.store import Store

    entry = _entry(Store.open(database, to_read=True).entries(battery), model, split, seed, battery)
    for name in probe or ():
        if name not in entry.results:
            raise unknown_name(f"stored probe of {model}", name, entry.results)
    probes = list(dict.fromkeys(probe or entry.results))
    where = entry.provenance
    torch.set_num_threads(threads or where.threads)
    images = evaluation_examples(
        entry.battery["dataset"], data, data_root, where.examples, split=where.split
    )
    subject = _model(entry.card, checkpoint)
    console = Console(stderr=True)
    with console.status(model) as status:
        found = again(
            entry,
            subject,
            images,
            probes,
            progress=lambda text: status.update(f"{model}: {text}"),
        )
    _print(found)
    if not all(each.same for each in found):
        raise typer.Exit(1)


def _entry(entries: list[Entry], model: str, split: str, seed: int, battery: str | None) -> Entry:
    """The one entry that is meant."""
    own = [e for e in entries if e.card.name == model and e.provenance.split == split]
    if not own:
        known = {each.card.name for each in entries if each.provenance.split == split}
        raise unknown_name("stored model", model, known)
    chosen = [entry for entry in own if entry.provenance.seed == seed]
    if not chosen:
        seeds = ", ".join(str(entry.provenance.seed) for entry in own)
        raise InputError(f"{model} is stored with seed {seeds}, not {seed}; give --seed")
    if len(chosen) > 1 and battery is None:
        names = ", ".join(sorted({entry.provenance.battery for entry in chosen}))
        if len({entry.provenance.battery for entry in chosen}) > 1:
            raise InputError(f"{model} is stored with the batteries {names}; give --battery")
    return max(chosen, key=lambda entry: entry.provenance.created)


def _model(card: Card, checkpoint: Path | None) -> Classifier:
    """The model of a card: from the zoo, or from a file where the zoo does not have it."""
    from models_zoo import load_file, load_model

    if checkpoint is not None:
        return load_file(
            checkpoint,
            architecture=None if card.brings_network else card.architecture,
            dataset=card.dataset,
            classes=card.classes,
            input_shape=card.input_shape,
            mean=card.mean,
            std=card.std,
        )
    if card.source in ("file", "submitted", "memory"):
        named = f" ({card.checkpoint})" if card.checkpoint else ""
        raise InputError(
            f"{card.name!r} came from a file{named}, which is not kept; name it with --checkpoint"
        )
    return load_model(card.name)


def _print(found: list[Reproduction]) -> None:
    """A table of all scores, then a line a probe."""
    from rich.console import Console
    from rich.table import Table

    from leaderboard.summary import print_whole

    table = Table(box=None, padding=(0, 1), header_style="bold")
    for heading in ("score", "stored", "again", ""):
        table.add_column(heading, justify="left" if heading in ("score", "") else "right")
    for result in found:
        for score in result.scores:
            one, two = (
                "-" if each is None else repr(each.value) for each in (score.stored, score.again)
            )
            table.add_row(score.name, one, two, "" if score.same else "differs")
    print_whole(table)
    console = Console(soft_wrap=True, highlight=False)
    for result in found:
        differing, total = result.examples
        verdict = "agrees to the last bit" if result.same else "does not agree"
        console.print(f"{result.probe}: {verdict}; {differing} of {total} outcomes differ")
        if result.circumstances and not result.same:
            console.print(f"  stored with {', '.join(result.circumstances)}")
