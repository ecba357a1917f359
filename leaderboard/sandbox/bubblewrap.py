"""The options of bubblewrap: what a child sees of this machine.

bubblewrap (https://github.com/containers/bubblewrap) makes namespaces for users, processes, mounts,
the network and inter-process communication, without privileges where the kernel allows that.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from leaderboard.sandbox.visible import SETTINGS, Visible, system_folders

PROGRAM = "bwrap"

PROCESSORS = "/sys/devices/system"
"""Where libraries read the number of processors and the sizes of their caches."""

TEMPORARY = "/tmp"  # noqa: S108, the child's own
"""The child's private temporary folder, which is also its working directory."""


def program() -> str | None:
    """The path of the program; ``None`` if it is not installed."""
    return shutil.which(PROGRAM)


def inside(number: int, path: Path) -> Path:
    """Where the child finds one of its files: the name is kept, since it says how to read it."""
    return Path("/files", str(number), path.name)


def options(
    *,
    visible: Visible,
    files: Mapping[Path, Path],
    environment: Mapping[str, str],
    temporary_size: int,
    devices: Sequence[str] = (),
) -> bytes:
    """What ``--args`` reads, so that no list of processes has it, inside or outside.

    Args:
        visible: the folders of interpreter and packages, which keep their paths.
        files: paths of files and folders on this machine, by those inside.
        environment: all environment variables of the child.
        temporary_size: bytes of its temporary folder.
        devices: device files that it may use, such as those of a GPU.
    """
    given = ["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    given += ["--cap-drop", "ALL", "--clearenv", "--hostname", "sandbox"]
    system = system_folders()
    for folder in system:
        if folder.is_symlink():
            given += ["--symlink", str(folder.readlink()), str(folder)]
        else:
            given += ["--ro-bind", str(folder), str(folder)]
    for name in SETTINGS:
        given += ["--ro-bind-try", name, name]
    given += ["--proc", "/proc", "--dev", "/dev"]
    for folder in (Path("/dev/shm"), Path(TEMPORARY)):  # noqa: S108, the child's own
        given += ["--size", str(temporary_size), "--tmpfs", str(folder)]
    for name in devices:
        given += ["--dev-bind-try", name, name]
    hardware = "/sys" if devices else PROCESSORS
    given += ["--ro-bind-try", hardware, hardware]
    for folder in visible.folders:
        if not any(folder.is_relative_to(each) for each in system):
            given += ["--ro-bind", str(folder), str(folder)]
    for link, target in visible.links:
        given += ["--symlink", str(target), str(link)]
    for there, here in files.items():
        given += ["--ro-bind", str(here), str(there)]
    for name, value in environment.items():
        given += ["--setenv", name, value]
    # Settings in /proc/sys belong to root, also in a namespace of users in which it has no rights:
    # where root runs this, the child could change those of the machine. The root and /dev are file
    # systems in memory as well, of no stated size.
    for mounted in ("/proc", "/dev", "/"):
        given += ["--remount-ro", mounted]
    given += ["--chdir", TEMPORARY]
    return b"".join(os.fsencode(each) + b"\0" for each in given)
