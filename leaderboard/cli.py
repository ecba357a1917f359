"""The command line: one thin function per command, each in :mod:`leaderboard.commands`.

Heavy imports (torch, SQLAlchemy, altair) are inside the commands, so that ``--help`` is fast.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from leaderboard.commands import (
    batteries,
    bench,
    check,
    cite,
    compare_autoattack,
    counterexample,
    doctor,
    export,
    figures,
    findings,
    import_archive,
    jobs,
    landscape,
    models,
    plan,
    prepare,
    record_rerun,
    reproduce,
    seed,
    serve,
    site,
    submissions,
    submit,
    token,
    train,
    transfer,
    verify,
    worker,
    zoo,
)
from leaderboard.commands.command_line import HELP, CommandLine
from leaderboard.terminal.openmp import bound_spinning
from leaderboard.terminal.output import console, prepare_streams, say
from models_zoo.display import printable, shown
from models_zoo.errors import InputError, reason_of

app = CommandLine(
    name="nonsingular",
    help="Score image classifiers against input, weight, joint and backdoor attacks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"nonsingular {version('nonsingular')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_print_version,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Options of the program itself; its help is that of the application."""


for command in (
    models,
    batteries,
    bench,
    compare_autoattack,
    landscape,
    reproduce,
    record_rerun,
    verify,
    counterexample,
    transfer,
    check,
    submit,
    site,
    export,
    import_archive,
    figures,
    cite,
    findings,
    train,
    zoo,
    prepare,
    doctor,
    worker,
    plan,
    jobs,
    serve,
    seed,
    token,
    submissions,
):
    command.register(app)


INTERRUPTED = "stopped; finished results are stored; run the same command again to resume"

_RESUME = "finished results are stored: {}, and run the same command again to resume"


def main() -> None:
    """Run the command line with the program's arguments, and exit."""
    bound_spinning(os.environ)  # before a command imports PyTorch
    prepare_streams()
    sys.exit(run())


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; an input error is printed as one line on stderr.

    Args:
        arguments: by default the program's own.

    Returns:
        The exit code: 0 on success; 1 if a check failed, or for an internal error, whose traceback
        is printed; 2 for invalid input; 130 if it was interrupted.
    """
    try:
        app(args=None if arguments is None else list(arguments), prog_name="nonsingular")
    except SystemExit as error:
        if _was_interrupted(error):
            say(INTERRUPTED, err=True)
            return 130
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except KeyboardInterrupt:
        say(INTERRUPTED, err=True)
        return 130
    except InputError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(_of_system(error))
    except MemoryError:
        return _refuse("there is not enough memory; take fewer examples, or one model at a time")
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch is not imported for this
            return _refuse(f"the device is out of memory: {reason_of(error)}")
        traceback.print_exc()
        say(
            "this is a fault of nonsingular: please report it with the lines above and what "
            "'nonsingular doctor' prints",
            err=True,
        )
        return 1
    return 0


def _was_interrupted(error: SystemExit) -> bool:
    """Whether typer turned Ctrl-C into the exit; commands that report it hide the cause."""
    return isinstance(getattr(error.__context__, "__cause__", None), KeyboardInterrupt)


def _refuse(reason: str) -> int:
    console(stderr=True, soft_wrap=True, quiet=False).print(
        f"error: {printable(reason)}", style="red"
    )
    return 2


def _of_system(error: OSError) -> str:
    """An error of the operating system as one line, with the file's name."""
    reason = error.strerror or reason_of(error)
    if error.filename is not None:
        name = error.filename
        reason += f": {shown(Path(os.fsdecode(name)) if isinstance(name, str | bytes) else name)}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full ({reason}); {_RESUME.format('make room')}"
    return f"{reason}; {_RESUME.format('see that it can be read and written')}"


if __name__ == "__main__":
    main()
