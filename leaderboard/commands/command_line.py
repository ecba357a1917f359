"""The options that every command has: ``--config``, ``--quiet`` and ``--verbose``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from typer.core import TyperGroup

from leaderboard.commands.config_file import apply_config
from leaderboard.terminal.output import detail
from leaderboard.terminal.verbosity import Verbosity, choose_verbosity
from models_zoo.errors import InputError

HELP = {"help_option_names": ["-h", "--help"]}
"""Context settings of every group of commands."""

LIST = "list"
"""The command of a group that runs where none is named."""

TYPED = "COMMANDLINE"
"""Name of the source of an option's value that was typed, in click and in typer's copy of it."""

_TYPED: ContextVar[frozenset[str]] = ContextVar("typed options", default=frozenset())
"""Names of the parameters of the command that runs which the user typed."""

Function = TypeVar("Function", bound=Callable[..., Any])


class CommandLine(typer.Typer):
    """A group of commands, each of which gets the options of :func:`with_common_options`."""

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """As :meth:`typer.Typer.command`."""
        register = super().command(name, **options)

        def add(function: Function) -> Function:
            register(with_common_options(function))
            return function

        return add


class ListByDefault(TyperGroup):
    """A group in which ``models`` and ``models PATTERN`` list, as ``models list`` does."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in front of arguments that name none.

        A word that the default command does not take is left in front, to be refused as a command.
        """
        word = bool(args) and not args[0].startswith("-")
        if word and not any(
            each.param_type_name == "argument" for each in self.commands[LIST].params
        ):
            return super().parse_args(ctx, args)
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [LIST, *args]
        return super().parse_args(ctx, args)


def with_common_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the options of every command, which it does not see itself.

    The configuration file is read first, so that it gives the defaults of all other options.
    """

    @wraps(function)
    def command(
        *args: Any, context: typer.Context, config: Any, quiet: bool, verbose: bool, **kwargs: Any
    ) -> Any:
        choose_verbosity(_verbosity(context, quiet, verbose))
        _TYPED.set(frozenset(name for name in context.params if _is_typed(context, name)))
        for line in context.meta.get(_READ, ()):
            detail(line)
        return function(*args, **kwargs)

    signature = inspect.signature(function)
    hints = get_type_hints(function, include_extras=True)
    own = [
        each.replace(annotation=hints.get(name, each.annotation))
        for name, each in signature.parameters.items()
    ]
    parameters = [*own, *_PARAMETERS]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def is_typed(name: str) -> bool:
    """Whether the user typed an option of the command that runs, instead of leaving its default.

    Args:
        name: of the command's parameter; values of the configuration file are defaults.
    """
    return name in _TYPED.get()


def _is_typed(context: typer.Context, name: str) -> bool:
    return getattr(context.get_parameter_source(name), "name", "") == TYPED


def _verbosity(context: typer.Context, quiet: bool, verbose: bool) -> Verbosity:
    """What the two options say; one that is typed takes precedence over one of the file."""
    if quiet and verbose:
        typed = [name for name in ("quiet", "verbose") if _is_typed(context, name)]
        if len(typed) != 1:
            raise InputError("give --quiet or --verbose, not both")
        quiet = typed == ["quiet"]
    return Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL


_READ = "nonsingular.config"
"""Under which a context keeps what to say about the configuration file."""


def _read_config(context: typer.Context, config: Path | None) -> Path | None:
    """Read the configuration file and make its values the command's defaults."""
    if not context.resilient_parsing:  # shell completion
        context.meta[_READ] = apply_config(context, config)
    return config


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


_PARAMETERS = (
    _keyword("context", typer.Context, inspect.Parameter.empty),
    _keyword(
        "config",
        Annotated[
            Path | None,
            typer.Option(
                "--config",
                is_eager=True,
                callback=_read_config,
                help="File with defaults for options; by default nonsingular.toml or "
                "\\[tool.nonsingular] of pyproject.toml in the current folder (docs/commands.md).",
            ),
        ],
        None,
    ),
    _keyword(
        "quiet",
        Annotated[
            bool,
            typer.Option("--quiet", "-q", help="Print results, warnings and errors only."),
        ],
        False,
    ),
    _keyword(
        "verbose",
        Annotated[
            bool,
            typer.Option(
                "--verbose", "-v", help="Also print where settings come from and what is used."
            ),
        ],
        False,
    ),
)

COMMON = tuple(each.name for each in _PARAMETERS[1:])
"""Names of the options that every command has."""
