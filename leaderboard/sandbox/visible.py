"""What a child must be able to read to run our code: the interpreter, libraries and packages."""

from __future__ import annotations

import importlib.util
import site
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

OWN = ("models_zoo", "benchmark", "leaderboard", "nonsingular")
"""Our packages."""

SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin")
"""Where programs and libraries of the system are; some may be links into ``/usr``."""

SETTINGS = ("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives")
"""What the dynamic linker reads."""


@dataclass(frozen=True)
class Visible:
    """What a child may read besides its files.

    Attributes:
        folders: absolute paths of folders and modules that exist, without those inside others.
        search_path: folders that its interpreter looks for packages in, first ones first.
    """

    folders: tuple[Path, ...]
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
    # A virtual environment's interpreter is often a link to another, and that to a third.
    link = Path(sys.executable)
    while link.is_symlink():
        link = link.parent / link.readlink()
        folders.append(link.parent.parent)
    folders += [folder.resolve() for folder in folders]
    own = [place for name in (*OWN, *packages) for place in _places(name)]
    searched = dict.fromkeys(str(place.parent) for place in own)
    return Visible(_outermost([*folders, *own]), tuple(searched))


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


def _outermost(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Those that exist and are in none of the others, without the root of the file system."""
    there = sorted({folder for folder in folders if folder.is_absolute() and folder.exists()})
    there = [folder for folder in there if folder != Path("/")]
    return tuple(
        folder
        for folder in there
        if not any(folder.is_relative_to(each) for each in there if each != folder)
    )
