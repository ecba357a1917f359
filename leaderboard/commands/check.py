"""``nonsingular check``: the verdict on a submission, on the submitter's own machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands.description_options import (
    CleanAccuracy,
    DescriptionFile,
    Name,
    OwnArchitecture,
    ScoredDataset,
    described,
)
from leaderboard.commands.options import Data, DataRoot, Mean, OwnData, Std, Weights
from leaderboard.submissions.case import EXAMPLES
from leaderboard.terminal.output import console, say

UNNAMED = "my-model"
"""Name of a submission that is only checked."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(
    file: Annotated[
        Path, typer.Argument(help="Checkpoint: .safetensors, .pt with only tensors, or .onnx.")
    ],
    description: DescriptionFile = None,
    name: Name = None,
    dataset: ScoredDataset = None,
    architecture: OwnArchitecture = None,
    mean: Mean = None,
    std: Std = None,
    weights: Weights = None,
    clean_accuracy: CleanAccuracy = None,
    data: Data = None,
    data_root: DataRoot = None,
    own_data: OwnData = False,
    examples: Annotated[
        int, typer.Option("--examples", "--limit", min=1, help="Use at most N images.")
    ] = EXAMPLES,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the verdict as JSON instead of a table.")
    ] = False,
) -> None:
    """Check a checkpoint as a submission would be, without scoring or keeping it.

    Without --data and --data-root, images of 'digits' are those of the package; for other data sets
    images are generated, and the checks that need labels are left out. The exit code is 0 if it
    would be accepted and 1 if it would be refused.
    """
    from leaderboard.commands.verdict_table import print_verdict
    from leaderboard.submissions.checking import verdict_on

    said = described(
        description,
        name=name if name is not None or description is not None else UNNAMED,
        dataset=dataset,
        architecture=architecture,
        mean=mean,
        std=std,
        weights=weights,
        clean_accuracy=clean_accuracy,
    )
    with console(stderr=True).status("checking") as status:
        verdict = verdict_on(
            file,
            said,
            data=data,
            data_root=data_root,
            examples=examples,
            own_data=own_data,
            on_line=lambda line: status.update(f"checking {line.get('check', '')}"),
        )
    if as_json:
        say(verdict.model_dump_json(indent=2))
    else:
        print_verdict(said.name, verdict)
    raise typer.Exit(0 if verdict.accepted else 1)
