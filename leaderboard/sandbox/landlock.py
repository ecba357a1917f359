"""Landlock: a process gives up access to files for good, without privileges.

See landlock(7). The kernel's version decides how much it covers: files since 5.13 (ABI 1), moving
files between folders (2), shortening (3), TCP (4), devices (5), and signals and abstract sockets
(6). What an older one does not cover, :mod:`leaderboard.sandbox.seccomp` refuses.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from leaderboard.sandbox.kernel import syscall

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM
WRITE |= _REFER | _TRUNCATE
DEVICE = _READ_FILE | _WRITE_FILE | _IOCTL_DEV

READABLE = (
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system",
)
"""What libraries read to learn about the processor and memory."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
"""Devices that a child may use."""


def version() -> int:
    """The version of the kernel's interface.

    Raises:
        OSError: the kernel does not have it, or it is switched off.
    """
    return syscall(_CREATE, None, 0, _VERSION_FLAG)


def restrict(*, readable: Iterable[str], writable: Iterable[str], devices: Iterable[str]) -> None:
    """Give up access to all other files, and to what else the kernel's version covers.

    Args:
        readable: files and folders that can be read and executed; those that are missing are passed
            over.
        writable: folders that can be written to.
        devices: device files that can be used.

    Raises:
        OSError: the kernel does not have Landlock.
    """
    found = version()
    last = 12 if found < 2 else 13 if found < 3 else 14 if found < 5 else 15
    handled = (1 << (last + 1)) - 1
    attributes = [handled]
    attributes += [0b11] if found >= 4 else []  # to bind and connect TCP sockets
    attributes += [0b11] if found >= 6 else []  # abstract sockets and signals
    content = struct.pack(f"={len(attributes)}Q", *attributes)
    rules = syscall(_CREATE, ctypes.create_string_buffer(content, len(content)), len(content), 0)
    try:
        for access, paths in ((READ, readable), (WRITE, writable), (DEVICE, devices)):
            for path in paths:
                with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
                    _allow(rules, path, access & handled)
        syscall(_RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, access: int) -> None:
    """Allow an access below a path."""
    opened = os.open(Path(path).resolve(), os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            access &= _OF_FILES
        rule = struct.pack("=Qi", access, opened)
        syscall(_ADD_RULE, rules, _PATH_BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(opened)
