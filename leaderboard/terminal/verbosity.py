"""How much commands say besides their results: ``--quiet`` and ``--verbose``."""

from __future__ import annotations

from enum import Enum


class Verbosity(Enum):
    """What is printed on stderr. Results, on stdout, and errors are printed in any case.

    Attributes:
        QUIET: warnings and errors.
        NORMAL: also notes and progress.
        VERBOSE: also where settings come from and what is used.
    """

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


class _Chosen:
    verbosity = Verbosity.NORMAL


def choose_verbosity(verbosity: Verbosity) -> None:
    """Set the verbosity of this process; a command does so before it runs."""
    _Chosen.verbosity = verbosity


def is_quiet() -> bool:
    """Whether notes and progress are left out."""
    return _Chosen.verbosity is Verbosity.QUIET


def is_verbose() -> bool:
    """Whether details are printed."""
    return _Chosen.verbosity is Verbosity.VERBOSE
