"""Batteries from files of users, which are read as untrusted input."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

from pydantic import ValidationError

from benchmark.batteries.battery import Battery, list_batteries, load_bundled, reason_in_file
from benchmark.batteries.history import frozen_batteries
from benchmark.probes import PROBES
from models_zoo.checkpoint.content import read_file
from models_zoo.errors import InputError, reason_of, shown

SUFFIX = ".toml"
"""How the name of a battery's file ends; batteries by name have no suffix."""

MAX_BYTES = 64 << 10
"""Largest file that is read, in bytes; the largest bundled battery has less than 2,000."""

MAX_DESCRIPTION = 500
"""Largest number of characters of a description; pages show it in one paragraph."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_VERSION = re.compile(r"-v\d+$")


def is_battery_file(name: str) -> bool:
    """Whether a text names a battery's file: whether it ends in :data:`SUFFIX`."""
    return name.lower().endswith(SUFFIX)


def read_battery(path: str | Path) -> Battery:
    """Read a battery from a file of the user.

    The content identifies it, by its hash, as it does a bundled one. Its name has to differ from
    those of the suite, unless the content is the same.

    Args:
        path: a TOML file as in ``benchmark/batteries``.

    Raises:
        InputError: it cannot be read, is too large, is not a battery, or has the name of a bundled
            battery with other content.
    """
    path = Path(path)
    content = read_file(path, kind="battery", most=MAX_BYTES).data
    try:
        battery = Battery.model_validate(tomllib.loads(content.decode("utf-8")))
        _require_usable(battery)
    except (ValueError, RecursionError) as error:
        reason = reason_in_file(error) if isinstance(error, ValidationError) else reason_of(error)
        raise InputError(f"battery {shown(path)} cannot be used: {reason}") from error
    require_own_name(battery.name, of=battery)
    if len(battery.description) > MAX_DESCRIPTION or not battery.description.isprintable():
        raise InputError(
            f"battery {shown(path)} cannot be used: its description must be one line of at most "
            f"{MAX_DESCRIPTION} characters"
        )
    return battery


def load_battery(name: str | Path) -> Battery:
    """A battery by name, or from a file.

    Args:
        name: of a bundled battery, or the path of a file, see :func:`is_battery_file`.

    Raises:
        InputError: there is none, or it cannot be used.
    """
    if isinstance(name, Path) or is_battery_file(name):
        return read_battery(name)
    file = f"{name}{SUFFIX}"
    if name not in list_batteries() and os.path.isfile(file):  # noqa: PTH113 - false for any text
        raise InputError(f"unknown battery {shown(name)}; did you mean the file {shown(file)}?")
    return load_bundled(name)


def require_own_name(name: str, *, of: Battery | None = None) -> None:
    """Check that a user's battery does not have a name that means a battery of the suite.

    Args:
        name: the name.
        of: the battery, if it is known; a copy of a bundled battery may keep its name.

    Raises:
        InputError: it is not a plain name, or one of the suite's: a bundled name, or one that
            differs from it in the version only.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"a battery's name has up to 80 lower-case letters, digits, '.', '_' and '-', "
            f"got {shown(name)}"
        )
    if of is not None and of.sha256 in frozen_batteries() and name in list_batteries():
        return
    taken = {_VERSION.sub("", known) for known in list_batteries()}
    if _VERSION.sub("", name) in taken:
        raise InputError(
            f"the name {shown(name)} is reserved for batteries of nonsingular, and this content is "
            "not one of theirs; choose another, such as "
            f"{shown(f'own-{name}')}"
        )


def _require_usable(battery: Battery) -> None:
    """Refuse settings of probes that do not fit together.

    Raises:
        InputError: there are some.
    """
    for name, settings in battery.probes.items():
        list(PROBES[name](settings, battery.probes).headline_threats)
