"""A filter of system calls: no network, no other processes, no rare parts of the kernel.

The filter is a program for the kernel's classic BPF machine, built here, so that no library is
needed; see seccomp(2). It lists what is refused: calls that Landlock does not cover (sockets other
than TCP, changes of modes, owners and times of files, signals on older kernels, limits and
priorities of other processes), and parts of the kernel in which errors are found again and again
(namespaces, BPF, io_uring, keyrings, performance counters).
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

from leaderboard.sandbox.kernel import PR_SET_PDEATHSIG, PR_SET_SECCOMP, prctl
from leaderboard.sandbox.syscalls import ARCHITECTURES, CALLS

ONLY_THREADS = ("fork", "vfork", "execve", "execveat")
"""Refused besides where a child may start no other process."""

SELF_ONLY = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
"""The first argument must be the process itself where it has no others."""

LOOKED_AT = ("clone", "clone3", "ioctl", "prctl", "prlimit64", "socketpair", "tkill")
"""Allowed or refused by their arguments, or refused with an error of their own."""

REFUSED = tuple(sorted(set(CALLS) - {*ONLY_THREADS, *SELF_ONLY, *LOOKED_AT}))
"""Refused whatever the arguments are."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_FILTER = 2
_X32 = 0x40000000
_CLONE_THREAD = 0x00010000
_CLONE_NAMESPACES = 0x7E020080
_TERMINAL = (0x5412, 0x541C)
"""``TIOCSTI`` and ``TIOCLINUX``, which type into a terminal."""


class Instruction(NamedTuple):
    """An instruction of the machine: jumps are relative to the next one."""

    code: int
    if_true: int
    if_false: int
    value: int


def program(machine: str, pid: int, *, alone: bool) -> list[Instruction]:
    """The filter.

    Args:
        machine: a key of :data:`leaderboard.sandbox.syscalls.ARCHITECTURES`.
        pid: number of the process that it is for.
        alone: whether the process may start no others, but threads.
    """
    refused = [*REFUSED, *(ONLY_THREADS if alone else ())]
    steps = [_load(4), Instruction(_EQUAL, 1, 0, ARCHITECTURES[machine]), _return(_KILL), _load(0)]
    if machine == "x86_64":  # the other numbering of the same calls
        steps += [_if(_AT_LEAST, _X32), _refuse()]
    for name in refused:
        steps += _on_call(machine, name, [_refuse()])
    steps += _on_call(machine, "clone3", [_refuse(errno.ENOSYS)])  # flags in memory: try clone
    steps += _on_call(machine, "clone", list(_clone(alone)))
    # The others could be connected to sockets of other processes.
    stream = [_load(_argument(0)), Instruction(_EQUAL, 0, 4, socket.AF_UNIX), _load(_argument(1))]
    stream += [Instruction(_AND, 0, 0, 0xF), _if(_EQUAL, socket.SOCK_STREAM), _return(_ALLOW)]
    steps += _on_call(machine, "socketpair", [*stream, _refuse()])
    terminal = [step for each in _TERMINAL for step in (_if(_EQUAL, each), _refuse())]
    steps += _on_call(machine, "ioctl", [_load(_argument(1)), *terminal, _return(_ALLOW)])
    dying = [_if(_EQUAL, PR_SET_PDEATHSIG), _refuse()]
    steps += _on_call(machine, "prctl", [_load(_argument(0)), *dying, _return(_ALLOW)])
    own = [_load(_argument(0)), _if(_EQUAL, pid), _return(_ALLOW)]
    itself = [*own, _if(_EQUAL, 0), _return(_ALLOW), _refuse()]
    steps += _on_call(machine, "prlimit64", itself)
    if alone:
        for name in SELF_ONLY:
            steps += _on_call(machine, name, [*own, _refuse()])
        steps += _on_call(machine, "tkill", [_refuse()])
    return [*steps, _return(_ALLOW)]


def install(*, alone: bool) -> None:
    """Filter the system calls of this process, which must have one thread, for good.

    Args:
        alone: whether it may start no other processes.

    Raises:
        OSError: the kernel has no filters, or none is known for this machine.
    """
    machine = os.uname().machine
    if machine not in ARCHITECTURES or struct.calcsize("P") != 8:
        raise OSError(errno.ENOSYS, f"no filter of system calls for {machine}")
    steps = program(machine, os.getpid(), alone=alone)
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(buffer)))
    prctl(PR_SET_SECCOMP, _FILTER, ctypes.byref(header))


def _clone(alone: bool) -> Iterator[Instruction]:
    """Threads, and processes where they are allowed; no namespaces."""
    yield _load(_argument(0))
    yield from (_if(_ANY_BIT, _CLONE_NAMESPACES), _refuse())
    if alone:
        yield from (_if(_ANY_BIT, _CLONE_THREAD), _return(_ALLOW), _refuse())
    else:
        yield _return(_ALLOW)


def _on_call(machine: str, name: str, steps: list[Instruction]) -> list[Instruction]:
    """Steps for a call; they end with a return, so that the loaded number is there after them."""
    number = getattr(CALLS[name], machine)
    return [] if number is None else [Instruction(_EQUAL, 0, len(steps), number), *steps]


def _load(offset: int) -> Instruction:
    return Instruction(_LOAD, 0, 0, offset)


def _argument(place: int) -> int:
    """Where the lower half of an argument is, on a little-endian machine."""
    return 16 + 8 * place


def _if(code: int, value: int) -> Instruction:
    """Does the next instruction if the comparison holds, or else leaves it out."""
    return Instruction(code, 0, 1, value)


def _return(action: int) -> Instruction:
    return Instruction(_RETURN, 0, 0, action)


def _refuse(number: int = errno.EPERM) -> Instruction:
    return _return(_ERRNO | number)
