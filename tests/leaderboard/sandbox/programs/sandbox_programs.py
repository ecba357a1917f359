"""What tests run in the sandbox: each tries something that it should not be able to do."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any


def attempt(action, *arguments, **options) -> str:
    """The error that an action gives; what it gave, if there was none."""
    try:
        return f"did {action(*arguments, **options)!r}"
    except (OSError, ValueError) as error:
        return type(error).__name__


def echo(request, files, emit):
    """Give back what was given, and send it line by line."""
    for number in range(request.get("lines", 0)):
        emit({"number": number})
    print("printed by the function")
    sys.stdout.flush()
    texts = {name: path.read_text("utf-8") for name, path in files.items()}
    return {"request": request, "texts": texts, "names": {n: p.name for n, p in files.items()}}


_calls = 0


def count(request, files, emit):
    """How often this process was asked."""
    global _calls
    _calls += 1
    return {"calls": _calls, "pid": os.getpid()}


def refuse(request, files, emit):
    """Find the input unusable."""
    from models_zoo.errors import InputError

    raise InputError(request["text"])


def fail(request, files, emit):
    """Raise an exception that is nobody's fault but the code's."""
    raise KeyError("a \x1b[31m name")


def network(request, files, emit):
    """Sockets of every family, and a listener of this machine."""
    families = {
        f"{family.name} {kind.name}": attempt(_send, family, kind)
        for family in (socket.AF_INET, socket.AF_INET6)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    }
    return families | {
        "netlink": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0),
        "packet": attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 0),
        "vsock": attempt(socket.socket, socket.AF_VSOCK, socket.SOCK_STREAM),
        "TCP listener": attempt(_connect, socket.AF_INET, ("127.0.0.1", request["port"])),
        "abstract": attempt(_connect, socket.AF_UNIX, "\0" + request["abstract"]),
        "abstract, by a pair": attempt(_through_pair, "\0" + request["abstract"]),
    }


def _send(family, kind):
    address = ("127.0.0.1" if family == socket.AF_INET else "::1", 9)
    with socket.socket(family, kind) as opened:
        opened.settimeout(0.5)
        opened.connect(address)
        opened.send(b"x")


def _connect(family, address):
    with socket.socket(family, socket.SOCK_STREAM) as opened:
        opened.settimeout(0.5)
        opened.connect(address)


def _through_pair(address):
    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"x", address)


def read(request, files, emit):
    """Files of the machine."""
    return {path: attempt(Path(path).read_bytes) for path in request["paths"]}


def write(request, files, emit):
    """Files outside the private folder."""
    found = {path: attempt(_write, path) for path in request["paths"]}
    found["own file"] = attempt(_write, files["file"])
    found["mode of the own file"] = attempt(files["file"].chmod, 0o777)
    found["times of the own file"] = attempt(os.utime, files["file"], (1, 1))
    found["private"] = attempt(_write, Path(os.environ["TMPDIR"], "x"))
    found["working directory"] = attempt(_write, "x")
    return found


def _write(path):
    with Path(path).open("ab") as file:
        file.write(b"written by the sandbox\n")


def environment(request, files, emit):
    """Variables of this process and its parent, and the descriptors that are open."""
    other = request["parent"]
    return {
        "own": dict(os.environ),
        "parent": attempt(Path(f"/proc/{other}/environ").read_bytes),
        "descriptors": [str(Path(f"/proc/self/fd/{each}").readlink()) for each in _descriptors()],
        "here": [each.name for each in Path().iterdir()],
        "arguments": sys.argv,
        "path": sys.path,
    }


def _descriptors():
    found = []
    for each in range(64):
        try:
            os.fstat(each)
        except OSError:
            continue
        found.append(each)
    return found


def disturb(request, files, emit):
    """The process that started this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    other = request["parent"]
    values = (ctypes.c_ulong * 2)(1, 1)
    return {
        "signal": attempt(os.kill, other, 0),
        "stop": attempt(os.kill, other, signal.SIGURG),
        "group": attempt(os.killpg, other, 0),
        "trace": libc.ptrace(0x4206, other, 0, 0),
        "limit": libc.prlimit(other, 0, ctypes.byref(values), None),
        "memory": attempt(open, f"/proc/{other}/mem", "rb"),
        "namespace": libc.unshare(0x10000000),
        "mount": libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
        "io_uring": libc.syscall(425, 8, 0),
    }


def fork_without_end(request, files, emit):
    """Processes that start processes, each in a session of its own so as not to be found."""
    started = 0
    while True:
        try:
            child = os.fork()
        except OSError as error:
            return {"started": started, "error": type(error).__name__}
        if not child:
            os.setsid()
            if started % 2:
                os.fork()
            time.sleep(600)
            os._exit(0)
        started += 1
        time.sleep(0.002)


def threads(request, files, emit):
    """Threads without end."""
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()


def run_program(request, files, emit):
    """Another program."""
    return {"ran": attempt(subprocess.check_output, ["/bin/true"])}


def allocate(request, files, emit):
    """More memory than there may be, of the kind asked for."""
    size = request.get("bytes", 2**30)
    if request.get("kind", "private") == "private":
        return {"length": len(b"x" * size)}
    import mmap

    shared = mmap.mmap(-1, size)
    for start in range(0, size, 4096):
        shared[start] = 1
    time.sleep(5)
    return {"length": len(shared)}


def large_file(request, files, emit):
    """A file, or many."""
    found = []
    for number in range(request["files"]):
        with Path(f"file-{number}").open("wb") as file:
            found.append(attempt(file.write, b"x" * request["bytes"]))
    time.sleep(request.get("seconds", 0))
    return {"found": found, "there": sum(each.stat().st_size for each in Path().iterdir())}


def run_long(request, files, emit):
    """For ever, without a word."""
    end = time.monotonic() + request["seconds"]
    while time.monotonic() < end:
        if request.get("idle"):
            time.sleep(0.1)
    return {}


def speak(request, files, emit):
    """Write bytes to the parent that are not of the protocol."""
    for descriptor in range(3, 16):  # one of them is that of its messages
        for _ in range(request.get("times", 1)):
            attempt(os.write, descriptor, request["text"].encode("utf-8"))
    return {}


def shout(request, files, emit):
    """Fill the standard error and send a line that is too long."""
    sys.stderr.write("x" * 100_000)
    emit({"text": "y" * request["characters"]})
    return {}


def answer_with(request, files, emit) -> Any:
    """An answer that is none."""
    return {"deep": _deep(request["depth"])} if "depth" in request else [1]


def _deep(depth):
    return [_deep(depth - 1)] if depth else 0


def crash(request, files, emit):
    """End without an answer."""
    os.write(2, b"first line\nlast \x1b[31mwords\n")
    if "exit" in request:
        os._exit(request["exit"])
    ctypes.string_at(0)


def outlive(request, files, emit):
    """Close the streams and go on."""
    for descriptor in range(16):
        try:
            os.close(descriptor)
        except OSError:
            continue
    time.sleep(600)


def announce(request, files, emit):
    """Say that it is there, and stay."""
    emit({"pid": os.getpid()})
    time.sleep(600)


def hang_as_unit(request, files, emit):
    """Do half of a unit, with a note, and then nothing."""
    emit({"note": "half \x1b[31m of it", "share": float("nan")})
    emit({"share": 0.5})
    time.sleep(600)


def lie_as_unit(request, files, emit):
    """Answer with something that is no result."""
    return {"card": {"name": "other"}, "content": {"scores": {"robust_accuracy": 1.0}}}


def print_without_end(request, files, emit):
    """Fill the standard output and error."""
    while True:
        print("x" * 10_000)


def open_for_writing(request, files, emit):
    """Files of the kernel, without writing to them."""
    return {path: attempt(os.open, path, os.O_WRONLY) for path in request["paths"]}
