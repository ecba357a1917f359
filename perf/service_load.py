"""Many uploads at once and a slow one: is one lost, does the service answer, does its memory grow?

Run ``python -m perf.service_load`` from the root of a checkout. Files of random bytes, which the
checks refuse, are sent from as many threads; meanwhile another file arrives a few bytes a second,
and the status of submissions is asked for all the time. At the end, an honest model is scored.
"""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import typer

from perf.command import console, run_command
from perf.service_process import ServiceProcess

DESCRIPTION = {"dataset": "digits", "architecture": "mlp", "mean": [0.3054], "std": [0.3759]}
POLL_SECONDS = 0.1


def send(service: ServiceProcess, content: bytes, name: str) -> str:
    """Send a file; returns the identifier of its submission."""
    body = {
        "description": DESCRIPTION | {"name": name},
        "file_name": "model.pt",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    while True:
        answer = service.ask("POST", "/submissions", json=body)
        if answer.status_code != 429:
            break
        time.sleep(float(answer.headers["Retry-After"]))
    number = str(answer.json()["id"])
    while service.ask("PUT", f"/submissions/{number}/file", data=content).status_code == 429:
        time.sleep(1)
    return number


def slow(service: ServiceProcess, number: str, size: int, seconds: float) -> bytes:
    """Send a file evenly over some time, on a connection of its own; returns the answer."""
    host, port = service.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as sent:
        head = (
            f"PUT /api/v1/submissions/{number}/file HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {service.token}\r\nContent-Length: {size}\r\n"
            "Connection: close\r\n\r\n"
        )
        sent.sendall(head.encode())
        pieces = int(seconds * 2)
        for piece in range(pieces):
            sent.sendall(b"\x80" * (size * (piece + 1) // pieces - size * piece // pieces))
            time.sleep(0.5)
        answer = b""
        while part := sent.recv(65536):
            answer += part
    return answer


def run(
    uploads: Annotated[int, typer.Option(min=1, help="Files sent at once.")] = 50,
    mebibytes: Annotated[int, typer.Option(min=1, help="Size of each.")] = 8,
    held: Annotated[float, typer.Option(help="Seconds that the slow upload takes.")] = 60.0,
) -> None:
    """Send many files at once, and watch the service."""
    latencies: list[float] = []
    memory: list[int] = []
    over = threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="load") as name,
        ServiceProcess(
            Path(name), "--requests", "1000000", "--daily", "1000000", worker=False
        ) as service,
    ):
        process = psutil.Process(service.pid)
        size = int(max(held, 1) * 4096)
        body = {"description": DESCRIPTION | {"name": "slow"}, "file_name": "slow", "size": size}
        late = str(service.ask("POST", "/submissions", json=body).json()["id"])

        def watch() -> None:
            while not over.wait(POLL_SECONDS):
                start = time.monotonic()
                service.ask("GET", f"/submissions/{late}").raise_for_status()
                latencies.append(time.monotonic() - start)
                memory.append(process.memory_info().rss)

        watching = threading.Thread(target=watch)
        watching.start()
        start = time.monotonic()
        contents = [b"\x80" + os.urandom(mebibytes << 20) for _ in range(uploads)]
        with ThreadPoolExecutor(uploads + 1) as pool:
            holding = pool.submit(slow, service, late, size, held)
            sent = [
                pool.submit(send, service, content, f"m{place}")
                for place, content in enumerate(contents)
            ]
            numbers = [each.result() for each in sent]
            arrived = time.monotonic() - start
            answer = holding.result()
        states: list[str] = []
        while not states or {"checking", "uploading"} & set(states):
            time.sleep(1)
            found = service.ask("GET", "/submissions").json()
            states = [each["state"] for each in found]
        over.set()
        watching.join()
        hashes = {each["id"]: each["sha256"] for each in found}
        expected = [hashlib.sha256(content).hexdigest() for content in contents]
        lost = sum(hashes.get(number) != sha for number, sha in zip(numbers, expected, strict=True))
        console.print(
            f"{uploads} files of {mebibytes} MiB arrived in {arrived:.1f} s and were checked in "
            f"{time.monotonic() - start:.0f} s; {lost} lost; states: "
            f"{ {state: states.count(state) for state in set(states)} }"
        )
        console.print(f"the slow upload of {held:g} s: {answer.splitlines()[0].decode()}")
        console.print(
            f"status answered in {np.median(latencies) * 1000:.0f} ms (median), "
            f"{np.quantile(latencies, 0.95) * 1000:.0f} ms (95th percentile), "
            f"{max(latencies) * 1000:.0f} ms (longest of {len(latencies)})"
        )
        console.print(
            f"memory of the service: {memory[0] >> 20} MiB at first, {max(memory) >> 20} MiB at "
            f"most, {memory[-1] >> 20} MiB at the end"
        )


if __name__ == "__main__":
    run_command(run)
