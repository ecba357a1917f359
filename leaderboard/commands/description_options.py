"""Options that describe a submission, and the description that they and a file give together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from leaderboard.commands.options import numbers
from leaderboard.submissions.description import Description
from leaderboard.submissions.description_file import description_of, read_description
from models_zoo.errors import InputError, shown

DescriptionFile = Annotated[
    Path | None,
    typer.Option(
        help="TOML file that describes the submission, as 'nonsingular submit --init' writes it; "
        "options take precedence."
    ),
]
Name = Annotated[str | None, typer.Option(help="Name on the leaderboard.")]
ScoredDataset = Annotated[
    str | None, typer.Option(help="Data set whose battery scores it, such as 'digits'.")
]
OwnArchitecture = Annotated[
    str | None,
    typer.Option(help="Architecture, such as 'cifar-resnet20'; an .onnx contains its own."),
]
Paper = Annotated[str | None, typer.Option(help="Address of the paper.")]
Authors = Annotated[str | None, typer.Option(help="Authors, as they are to be credited.")]
Licence = Annotated[str | None, typer.Option(help="SPDX identifier of the licence.")]
Recipe = Annotated[str | None, typer.Option(help="How it was trained, such as 'pgd-at'.")]
ExtraData = Annotated[
    bool | None,
    typer.Option(
        help="Whether training used more than the data set's own training images.",
        show_default="not stated",
    ),
]
Notes = Annotated[str | None, typer.Option(help="Anything a reader should know.")]
CleanAccuracy = Annotated[
    float | None,
    typer.Option(help="Clean accuracy that you state, from 0 to 1; it is compared with ours."),
]


def described(file: Path | None, **options: Any) -> Description:
    """The description of a submission.

    Args:
        file: the option --description.
        options: by field of :class:`~leaderboard.submissions.description.Description`, with mean
            and std as they are typed; ``None`` is one that was not given.

    Raises:
        InputError: a value is missing or cannot be used.
    """
    content = {} if file is None else read_description(file)
    clean = options.pop("clean_accuracy", None)
    claims = {} if clean is None else {"clean_accuracy": clean}
    for key in ("mean", "std"):
        options[key] = numbers(f"--{key}", options.get(key))
    for key, text in options.items():
        if isinstance(text, str):
            _require_utf8(f"--{key.replace('_', '-')}", text)
    return description_of(options | {"claims": claims}, content, file)


def _require_utf8(option: str, text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(
            f"{option} {shown(text)} is not UTF-8; set the terminal's encoding to UTF-8 and type "
            "it again"
        ) from None
