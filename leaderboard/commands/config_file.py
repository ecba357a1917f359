"""The configuration file: defaults for the options of commands.

It is ``nonsingular.toml``, or the table ``[tool.nonsingular]`` of ``pyproject.toml``, in the folder
in which a command is started; parent folders are not searched. Keys are options without their
dashes. At the top they hold for every command that has the option, in a table for the command of
that name. The command line takes precedence.
"""

from __future__ import annotations

import inspect
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import typer
from typer.models import OptionInfo

from models_zoo.display import shown
from models_zoo.errors import InputError, reason_of, unknown_name

FILE = "nonsingular.toml"
PROJECT_FILE = "pyproject.toml"

VARIABLE = "NONSINGULAR_CONFIG"
"""Environment variable with the path of the file to read; empty for none."""

MAX_BYTES = 1 << 20
"""Largest file that is read: more than ten times a large ``pyproject.toml``."""

COMMAND_LINE_ONLY = {
    "trust": "it allows the file of a model to execute code",
    "config": "it names this file",
    "server": "it gets a token, which the file of a folder must not send elsewhere",
    "token": "it is a secret; set the environment variable NONSINGULAR_TOKEN",
    "allow-unsandboxed": "it lets files of strangers meet this machine without isolation",
    "help": "it ends the command",
}
"""Options that a file cannot set, with the reason."""


@dataclass(frozen=True)
class ConfigFile:
    """A configuration file as read.

    Attributes:
        path: of the file.
        table: its content, for ``pyproject.toml`` that of the table.
    """

    path: Path
    table: Mapping[str, Any]


@dataclass(frozen=True)
class _Option:
    """An option of a command.

    Attributes:
        parameter: name of the function's parameter.
        kind: type of a value: ``bool``, ``int``, ``float``, ``str``, a path or an enumeration.
        several: whether it is repeatable.
        least: smallest value of a number.
        most: largest value.
    """

    parameter: str
    kind: Any
    several: bool
    least: float | None
    most: float | None


@dataclass(frozen=True)
class _Command:
    """A command of the command line.

    Attributes:
        names: such as ``("models", "list")``.
        options: its options by their names without dashes.
    """

    names: tuple[str, ...]
    options: dict[str, _Option]


def apply_config(context: typer.Context, given: Path | None) -> list[str]:
    """Make the values of the configuration file the defaults of a command.

    Args:
        context: of the command, whose ``default_map`` is set.
        given: the option ``--config``.

    Returns:
        What to say about it: the file, and what it sets.

    Raises:
        InputError: the file cannot be read, has unknown keys or values that an option cannot take.
    """
    found = find_config(given)
    if found is None:
        return []
    root, names = _path_of(context)
    commands = list(_commands(root))
    _require_known(found, found.table, (), commands)
    defaults: dict[str, Any] = {}
    said = []
    for command in commands:
        for key, value in _values(found, command, commands).items():
            option = command.options[key]
            converted = _converted(found, key, value, option)
            if command.names == names:
                defaults[option.parameter] = converted
                said.append(f"{key} = {plain_value(converted)}")
    context.default_map = {**(context.default_map or {}), **defaults}
    return [f"defaults from {shown(found.path)}: {', '.join(said) or 'none for this command'}"]


def find_config(given: Path | None = None, folder: Path | None = None) -> ConfigFile | None:
    """Read the configuration file; ``None`` if there is none.

    Args:
        given: the file to read; by default that of :data:`VARIABLE`, else that of the folder.
        folder: by default the current one.

    Raises:
        InputError: it cannot be read or is not TOML.
    """
    if given is None and (named := os.environ.get(VARIABLE)) is not None:
        if not named:
            return None
        given = Path(named)
    if given is not None:
        table = _read(given)
        return ConfigFile(given, _tool_table(table) or {} if _is_project(given) else table)
    folder = folder or Path()
    own, project = folder / FILE, folder / PROJECT_FILE
    if own.is_file():
        return ConfigFile(own, _read(own))
    if project.is_file() and (own_table := _tool_table(_read(project))) is not None:
        return ConfigFile(project, own_table)
    return None


def plain_value(value: Any) -> str:
    """A value as it is written in a file."""
    if isinstance(value, list):
        return "[" + ", ".join(map(plain_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else shown(str(value))


def _is_project(path: Path) -> bool:
    return path.name == PROJECT_FILE


def _tool_table(content: Mapping[str, Any]) -> dict[str, Any] | None:
    tool = content.get("tool")
    table = tool.get("nonsingular") if isinstance(tool, dict) else None
    return table if isinstance(table, dict) else None


def _read(path: Path) -> dict[str, Any]:
    if path.is_file() and not path.stat().st_size:
        return {}
    from models_zoo.checkpoint.content import read_file  # the package imports torch

    try:
        text = read_file(path, kind="configuration file", most=MAX_BYTES).data.decode("utf-8")
        return tomllib.loads(text)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"configuration file {shown(path)} is not TOML: {reason_of(error)}"
        ) from error


def _path_of(context: typer.Context) -> tuple[Any, tuple[str, ...]]:
    """The group at the root, and the names that lead to the command of a context."""
    names: list[str] = []
    current: Any = context
    while current.parent is not None:
        names.insert(0, str(current.info_name))
        current = current.parent
    return current.command, tuple(names)


def _commands(group: Any, names: tuple[str, ...] = ()) -> Iterator[_Command]:
    """All commands below a group."""
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*names, name))
        else:
            yield _Command((*names, name), _options_of(command))


def _options_of(command: Any) -> dict[str, _Option]:
    """Options by name, with types from the annotations of the command's function.

    The types that typer makes of them depend on its version.
    """
    functions = inspect.signature(command.callback).parameters
    return {
        text.removeprefix("--"): _option(each.name, functions[each.name].annotation)
        for each in command.params
        if each.param_type_name == "option" and each.name in functions
        for text in each.opts
        if text.startswith("--")
    }


def _option(name: str, annotation: Any) -> _Option:
    kind, *details = get_args(annotation)
    kinds = [each for each in get_args(kind) if each is not NoneType]
    kind = kinds[0] if get_origin(kind) in (Union, UnionType) else kind
    several = get_origin(kind) is list
    kind = get_args(kind)[0] if several else kind
    info = next((each for each in details if isinstance(each, OptionInfo)), None)
    return _Option(name, kind, several, getattr(info, "min", None), getattr(info, "max", None))


def _values(found: ConfigFile, command: _Command, commands: list[_Command]) -> dict[str, Any]:
    """What a file sets for a command; its own table takes precedence over the top."""
    values: dict[str, Any] = {}
    table: Any = found.table
    for depth in range(len(command.names) + 1):
        if not isinstance(table, dict):
            break
        within = command.names[:depth]
        below = [each for each in commands if each.names[:depth] == within]
        _require_known(found, table, within, below)
        plain = {
            key: value
            for key, value in table.items()
            if key.replace("_", "-") in command.options and not isinstance(value, dict)
        }
        _require_once(found, plain, command)
        values |= {key.replace("_", "-"): value for key, value in plain.items()}
        table = table.get(command.names[depth]) if depth < len(command.names) else None
    return values


def _require_once(found: ConfigFile, table: Mapping[str, Any], command: _Command) -> None:
    """Refuse two spellings of one option in one table."""
    before: dict[str, str] = {}
    for key in table:
        other = before.setdefault(command.options[key.replace("_", "-")].parameter, key)
        if other != key:
            raise InputError(
                f"{shown(found.path)}: {other} and {key} are the same option; give one of them"
            )


def _require_known(
    found: ConfigFile, table: Mapping[str, Any], within: tuple[str, ...], below: list[_Command]
) -> None:
    """Refuse keys that are neither an option of a command below nor the name of one."""
    depth = len(within)
    options = {key for each in below for key in each.options}
    tables = {each.names[depth] for each in below if len(each.names) > depth}
    place = f" in [{'.'.join(within)}]" if within else ""
    for key, value in table.items():
        name = key.replace("_", "-")
        if name in COMMAND_LINE_ONLY and not (isinstance(value, dict) and key in tables):
            raise InputError(
                f"{shown(found.path)}: {shown(key)}{place} can be given on the command line only: "
                f"{COMMAND_LINE_ONLY[name]}"
            )
        if isinstance(value, dict):
            if key not in tables:
                raise _unknown(found, f"command{place}", key, tables or options)
        elif name not in options:
            raise _unknown(found, f"option{place}", key, options - set(COMMAND_LINE_ONLY))


def _unknown(found: ConfigFile, kind: str, key: str, known: Iterable[str]) -> InputError:
    return InputError(f"{shown(found.path)}: {unknown_name(kind, key, known)}")


def _converted(found: ConfigFile, key: str, value: Any, option: _Option) -> Any:
    """A value as an option takes it, with paths relative to the file.

    Raises:
        InputError: the option does not take it.
    """
    place = f"{shown(found.path)}: {key} = {plain_value(value)}"
    if isinstance(value, list) and not option.several:
        raise InputError(f"{place} must be one value: --{key} is not repeatable")
    folder = found.path.parent
    several = [
        _one(place, key, each, option, folder)
        for each in (value if isinstance(value, list) else [value])
    ]
    return several if option.several else several[0]


def _one(place: str, key: str, value: Any, option: _Option, folder: Path) -> Any:
    kind = option.kind
    if kind is bool:
        if not isinstance(value, bool):
            raise InputError(f"{place} must be true or false")
        return value
    if kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
            raise InputError(f"{place} must be a{' whole' if kind is int else ''} number")
        if (option.least is not None and value < option.least) or (
            option.most is not None and value > option.most
        ):
            most = "" if option.most is None else f" and at most {option.most}"
            raise InputError(f"{place} must be at least {option.least}{most}")
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(f"{place} must be a text")
    if isinstance(kind, type) and issubclass(kind, Enum):
        known = [str(each.value) for each in kind]
        if str(value) not in known:
            raise InputError(f"{place}: {unknown_name('value', str(value), known)}")
        return str(value)
    return _placed(str(value), key, folder, is_path=kind is Path)


def _placed(text: str, key: str, folder: Path, *, is_path: bool) -> str:
    """A path relative to the folder of the file; any other text unchanged."""
    if key == "battery":
        is_path = text.lower().endswith(".toml")
    elif key == "database":
        is_path = "://" not in text and text != ":memory:"
    return str(folder / text) if is_path and folder != Path() else text
