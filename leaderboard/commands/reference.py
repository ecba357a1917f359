"""The command line as Markdown, for ``docs/commands.md``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from leaderboard.commands.command_line import COMMON


def common_options_table(app: typer.Typer) -> str:
    """The options that every command has, as a table.

    Args:
        app: the application.
    """
    command = next(command for _, command in commands_of(typer.main.get_command(app)))
    return _table([_row(each) for each in command.params if each.name in COMMON])


def commands_markdown(app: typer.Typer) -> str:
    """Every command with its own options, one section each.

    Args:
        app: the application.
    """
    commands = commands_of(typer.main.get_command(app))
    return "\n".join(_section(names, command) for names, command in commands).rstrip()


def commands_of(group: Any, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All commands below a group, with the names that lead to them.

    Args:
        group: a group of click.
        names: that lead to the group.
    """
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands_of(command, (*names, name))
        else:
            yield (*names, name), command


def _section(names: tuple[str, ...], command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    usage = " ".join(["nonsingular", *names, *map(_placeholder, arguments), "[OPTIONS]"])
    text = inspect.cleandoc(command.help or "")
    rows = [_row(each) for each in command.params if each.name not in COMMON]
    lines = [f"## `{' '.join(names)}`", "", f"    {usage}", "", _plain(text), ""]
    return "\n".join([*lines, *([_table(rows), ""] if rows else [])])


def _placeholder(argument: Any) -> str:
    several = "..." if argument.nargs == -1 else ""
    name = f"{argument.name.upper()}{several}"
    return name if argument.required else f"[{name}]"


def _row(parameter: Any) -> tuple[str, str]:
    if parameter.param_type_name == "argument":
        name = f"`{parameter.name.upper()}`"
    else:
        name = ", ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    said = f" Default: `{default}`." if shown and default != "" else ""
    text = _plain(parameter.help)
    required = " Required." if parameter.required else ""
    return name, f"{text}{'' if text.endswith('.') else '.'}{required}{said}"


def _plain(text: str) -> str:
    """A help text without the escapes of its markup."""
    return text.replace("\\[", "[")


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [("option", "meaning"), ("---", "---"), *rows]
    return "\n".join(f"| {name} | {text.replace('|', chr(92) + '|')} |" for name, text in lines)
