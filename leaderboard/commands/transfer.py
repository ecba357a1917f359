"""``nonsingular transfer``: attack a stored model with the adversarial images of related models."""

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
from leaderboard.formatting.slugs import slug
from leaderboard.output_paths import require_folder_place
from leaderboard.terminal.output import say
from models_zoo.display import printable


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(transfer)


def transfer(
    model: Annotated[
        str,
        typer.Argument(
            help="Stored model to attack: its name, or at least 8 of the first digits of its "
            "fingerprint."
        ),
    ],
    surrogate: Annotated[
        list[str],
        typer.Option(
            help="Related model, as 'bench' takes it, such as an earlier epoch or another network "
            "of the same recipe; repeatable."
        ),
    ],
    battery: StoredBattery = None,
    seed: Seed = 0,
    split: StoredSplit = "test",
    examples: StoredExamples = None,
    data: Data = None,
    data_root: DataRoot = None,
    checkpoint: Checkpoint = None,
    trust: Trust = False,
    device: Annotated[str, typer.Option(help="Where to compute.")] = "cpu",
    out: Annotated[Path, typer.Option(help="Folder the counterexamples are written into.")] = Path(
        "counterexamples"
    ),
    database: Database = DATABASE,
) -> None:
    """Attack a stored model with the adversarial images of related models.

    At every budget on images of its stored results, the images that these models misclassify are
    tried on the examples for which the model is robust so far, and ascents start from them. What is
    found is written as a counterexample, which 'nonsingular counterexample' verifies and counts.
    No stored result changes: a score would depend on which models were named.
    """
    require_folder_place(out)

    from benchmark.counterexamples import write_counterexample
    from leaderboard.reruns.transfers import transferred
    from leaderboard.store import Store
    from leaderboard.terminal.model_notes import print_notes
    from models_zoo import load_model

    entry, images = stored_result(
        *(Store.open(database, to_read=True), model),
        battery=battery,
        seed=seed,
        split=split,
        examples=examples,
        data=data,
        data_root=data_root,
    )
    attacked = stored_model(entry, model, checkpoint, trust=trust, database=database)
    others = [print_notes(load_model(name, trust=trust)) for name in surrogate]
    written = []
    for found in transferred(entry, attacked, images, others, device=chosen_device(device)):
        say(
            f"{found.threat.label}: {found.claimed:,} of {len(images):,} examples robust so far, "
            f"{found.broken:,} of them broken by transfer"
        )
        if found.example is not None:
            out.mkdir(parents=True, exist_ok=True)
            written.append(out / f"{slug(f'{entry.card.name} {found.threat.label}')}.safetensors")
            write_counterexample(written[-1], found.example)
    for path in written:
        say(f"written: {printable(str(path))}")
    if written:
        say("to verify one and lower the results: nonsingular counterexample FILE --by NAME")
