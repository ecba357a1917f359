"""The filter of system calls, run by a small machine as the kernel would."""

from __future__ import annotations

import errno
import socket

import pytest

from leaderboard.sandbox.seccomp import program
from leaderboard.sandbox.syscalls import ARCHITECTURES, CALLS

ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000


def run(steps, machine, number, *arguments, architecture=None):
    """What the filter decides about a call."""
    data = {0: number, 4: architecture or ARCHITECTURES[machine]}
    data |= {16 + 8 * place: value & 0xFFFFFFFF for place, value in enumerate(arguments)}
    loaded, place = 0, 0
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        if code == 0x20:
            loaded = data.get(value, 0)
        elif code == 0x54:
            loaded &= value
        elif code == 0x06:
            return value
        else:
            compare = {0x15: loaded == value, 0x35: loaded >= value, 0x45: bool(loaded & value)}
            place += if_true if compare[code] else if_false


def decide(machine, name, *arguments, alone=True):
    steps = program(machine, 77, alone=alone)
    return run(steps, machine, getattr(CALLS[name], machine), *arguments)


def refused(number=errno.EPERM):
    return ERRNO | number


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_every_call_of_the_table_is_refused_or_decided_by_its_arguments(machine):
    allowed = {
        name
        for name, numbers in CALLS.items()
        if getattr(numbers, machine) is not None and decide(machine, name) == ALLOW
    }
    assert allowed == {"ioctl", "prctl", "prlimit64"}


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_jumps_of_the_filter_stay_inside_it(machine):
    steps = program(machine, 77, alone=True)
    assert len(steps) < 4096
    for place, (code, if_true, if_false, _) in enumerate(steps):
        if code in (0x15, 0x35, 0x45):
            assert place + 1 + max(if_true, if_false) < len(steps)
            assert 0 <= if_true < 256
            assert 0 <= if_false < 256


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_threads_are_allowed_and_processes_only_where_there_may_be_some(machine):
    thread, fork, namespace = 0x003D0F00, 0x01200011, 0x10000000
    assert decide(machine, "clone", thread) == ALLOW
    assert decide(machine, "clone", fork) == refused()
    assert decide(machine, "clone", fork, alone=False) == ALLOW
    assert decide(machine, "clone", fork | namespace, alone=False) == refused()
    assert decide(machine, "clone3", alone=False) == refused(errno.ENOSYS)


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_signals_and_limits_reach_only_the_process_itself(machine):
    for name in ("kill", "tgkill", "prlimit64"):
        assert decide(machine, name, 77) == ALLOW
        assert decide(machine, name, 78) == refused()
    assert decide(machine, "kill", -1) == refused()
    assert decide(machine, "prctl", 1) == refused()
    assert decide(machine, "prctl", 15) == ALLOW
    assert decide(machine, "ioctl", 0, 0x5412) == refused()
    assert decide(machine, "ioctl", 0, 0x5401) == ALLOW


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_only_pairs_of_connected_local_sockets_can_be_made(machine):
    stream = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
    assert decide(machine, "socketpair", socket.AF_UNIX, stream) == ALLOW
    assert decide(machine, "socketpair", socket.AF_UNIX, socket.SOCK_DGRAM) == refused()
    assert decide(machine, "socketpair", socket.AF_INET, stream) == refused()


def test_calls_by_another_numbering_end_or_fail():
    steps = program("x86_64", 77, alone=True)
    assert run(steps, "x86_64", 41, architecture=0x40000003) == KILL  # 32 bits
    assert run(steps, "x86_64", 0x40000000 | 1) == refused()  # x32
    assert run(steps, "x86_64", 1) == ALLOW
