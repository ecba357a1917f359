"""The command line: one thin function a command, each in :mod:`leaderboard.commands`.

Heavy imports (torch, SQLAlchemy, altair) happen inside the commands, so that ``--help`` is quick.
"""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from leaderboard.commands import (
    bench,
    compare_autoattack,
    doctor,
    export,
    findings,
    landscape,
    models,
    record_rerun,
    reproduce,
    site,
    submit,
    train,
    zoo,
)
from models_zoo.errors import InputError

app = typer.Typer(
    name="nonsingular",
    help="Score image classifiers against input, weight, joint and backdoor attacks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    models,
    bench,
    compare_autoattack,
    landscape,
    reproduce,
    record_rerun,
    submit,
    site,
    export,
    findings,
    train,
    zoo,
    doctor,
):
    command.register(app)


def main() -> None:
    """Run the command line: a user's mistake is one line on stderr and exit code 2."""
    try:
        app()
    except InputError as error:
        Console(stderr=True, soft_wrap=True).print(f"error: {error}", markup=False, style="red")
        sys.exit(2)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; what was finished is stored, run again to go on")
        sys.exit(130)


if __name__ == "__main__":
    main()
