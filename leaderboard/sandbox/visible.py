"""What a child must be able to read to run our code: the interpreter, libraries and packages."""

from __future__ import annotations

import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OWN = ("models_zoo", "benchmark", "leaderboard", "nonsingular")
"""Our packages."""

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
"""Where programs and libraries of the system are; some may be links into ``/usr``."""

_MOST_LINKS = 40
"""As many as the kernel follows."""

SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
"""What the dynamic linker reads."""


@dataclass(frozen=True)
class Visible:
    """What a child may read besides its files.

    Attributes:
        folders: absolute paths of folders and modules that exist, without those inside others.
        links: targets of symbolic links that lead to the interpreter from outside these folders, by
            their paths.
        search_path: folders that its interpreter looks for packages in, first ones first.
    """

    folders: tuple[Path, ...]
    links: tuple[tuple[Path, Path], ...]
    search_path: tuple[str, ...]


@cache
def visible(packages: tuple[str, ...] = ()) -> Visible:
    """What a child needs.

    Of the folders that packages are imported from, only the packages themselves are visible: these
    may be the folders of a project, with anything else beside them.

    Args:
        packages: names of packages besides ours that code in the sandbox is imported from.
    """
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    prefixes |= {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    prefixes |= {sysconfig.get_path("platlib"), *site.getsitepackages()}
    folders = [Path(prefix) for prefix in prefixes]
    folders += [folder.resolve() for folder in folders]
    folders.append(Path(sys.executable).resolve())
    own = [place for name in (*OWN, *packages) for place in _places(name)]
    searched = dict.fromkeys(str(place.parent) for place in own)
    outermost = _outermost([*folders, *own])
    return Visible(outermost, tuple(_links(outermost)), tuple(searched))


def _links(folders: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """The links from this interpreter's path to its file that are in none of some folders.

    A virtual environment's interpreter is often a link to another, and that to a third, which may
    be in a home folder among other things.
    """
    link = Path(sys.executable)
    for _ in range(_MOST_LINKS):
        if not link.is_symlink():
            return
        if not any(link.is_relative_to(folder) for folder in (*folders, *system_folders())):
            yield link, link.readlink()
        link = Path(os.path.normpath(link.parent / link.readlink()))


def system_folders() -> list[Path]:
    """The folders of the system's programs and libraries."""
    return [folder for name in SYSTEM if (folder := Path(name)).exists()]


def _places(package: str) -> list[Path]:
    """The folders of a package, or the file of a module; none if there is no such package."""
    found = importlib.util.find_spec(package)
    if found is None:
        return []
    places = [*(found.submodule_search_locations or ())]
    if not places and found.has_location and found.origin:
        places = [found.origin]
    return [Path(place).resolve() for place in places]


def _is_of_the_user(folder: Path) -> bool:
    """Whether a folder has more than an interpreter: a home folder, or what contains it."""
    if folder == Path("/"):
        return True
    try:
        home = Path.home()
    except RuntimeError:  # the user has none
        return False
    return home.is_relative_to(folder) and not (folder / "pyvenv.cfg").exists()


def _outermost(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Those that exist and are in none of the others, without any that has more than it should."""
    there = sorted({folder for folder in folders if folder.is_absolute() and folder.exists()})
    there = [folder for folder in there if not _is_of_the_user(folder)]
    return tuple(
        folder
        for folder in there
        if not any(folder.is_relative_to(each) for each in there if each != folder)
    )
