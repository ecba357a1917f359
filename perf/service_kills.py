"""Kills of the service and its worker at random moments: is everything done exactly once?

Run ``python -m perf.service_kills`` from the root of a checkout. A few models are submitted while
the service and the worker are killed with SIGKILL and started again, as systemd would; clients send
their files again from where they stopped. What is stored at the end is compared with what the same
submissions give where nothing is killed.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import threading
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import requests
import torch
import typer
from safetensors.torch import load_file, save

from leaderboard.store.jobs import Jobs
from leaderboard.store.submissions import Submissions
from models_zoo.errors import InputError
from perf.command import console, run_command
from perf.kills import Snapshot, snapshot
from perf.service_load import DESCRIPTION
from perf.service_process import ServiceProcess

BUNDLED = files("models_zoo") / "checkpoints" / "digits" / "mlp-standard.safetensors"
PATIENCE = 600.0


def models(count: int) -> list[bytes]:
    """Checkpoints of different functions."""
    found = []
    for seed in range(count):
        generator = torch.Generator().manual_seed(seed)
        weights = {
            name: each + 0.3 * each.std() * torch.randn(each.shape, generator=generator)
            for name, each in load_file(str(BUNDLED)).items()
        }
        found.append(save(weights))
    return found


def submit(service: ServiceProcess, content: bytes, name: str) -> None:
    """Send a file, whatever happens to the service meanwhile."""
    number = ""
    while True:
        try:
            if not number:
                body = {
                    "description": DESCRIPTION | {"name": name},
                    "file_name": "model.safetensors",
                    "size": len(content),
                    "sha256": hashlib.sha256(content).hexdigest(),
                }
                number = str(service.ask("POST", "/submissions", json=body).json()["id"])
            path = f"/submissions/{number}/file"
            if service.ask("GET", f"/submissions/{number}").json()["state"] != "uploading":
                return
            offset = int(service.ask("HEAD", path).headers["Upload-Offset"])
            headers = {"Upload-Offset": str(offset)}
            service.ask("PUT", path, data=content[offset:], headers=headers)
        except (requests.RequestException, KeyError):
            time.sleep(0.3)


def wait(service: ServiceProcess, count: int) -> Counter[str]:
    """Wait until all submissions are over; returns how many ended in which state."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = Submissions(service.store.engine).listed()
        states: Counter[str] = Counter(str(each.state) for each in found)
        if states["done"] + states["failed"] + states["refused"] >= count:
            return states
        time.sleep(0.5)
    raise InputError(f"it did not end: {dict(states)}; see {service.folder}")


def disturb(
    service: ServiceProcess, dice: random.Random, kills: dict[str, int], over: threading.Event
) -> Counter[str]:
    """Kill the service and the worker so many times, or until all is over."""
    done: Counter[str] = Counter()
    while (left := [name for name in kills if done[name] < kills[name]]) and not over.is_set():
        time.sleep(dice.uniform(0.0, 16.0))  # a process needs four seconds to start, or more
        victim = dice.choice(left)
        process = service.service if victim == "service" else service.worker
        if process is None:
            continue
        process.kill()
        process.wait()
        done[victim] += 1
        (service.start_service if victim == "service" else service.start_worker)()
    return done


def run(
    service_kills: Annotated[int, typer.Option(min=0, help="Kills of the service.")] = 10,
    worker_kills: Annotated[int, typer.Option(min=0, help="Kills of the worker.")] = 20,
    count: Annotated[int, typer.Option(min=1, help="Number of models.")] = 12,
    seed: Annotated[int, typer.Option(help="Of the moments and victims.")] = 0,
) -> None:
    """Kill the service and its worker at random moments, and compare what is stored."""
    contents = models(count)
    with tempfile.TemporaryDirectory(prefix="kills") as name:
        folder = Path(name)
        with ServiceProcess(folder / "calm") as service:
            for place, content in enumerate(contents):
                submit(service, content, f"m{place}")
            calm = wait(service, count)
        expected: Snapshot = snapshot(str(folder / "calm" / "nonsingular.sqlite"))
        console.print(f"undisturbed: {dict(calm)}, {len(expected)} results")
        killed: Counter[str] = Counter()
        retried = 0
        dice = random.Random(seed)  # noqa: S311 - no secrets
        kills = {"service": service_kills, "worker": worker_kills}
        with ServiceProcess(folder / "disturbed") as service:
            over = threading.Event()

            def kill() -> None:
                killed.update(disturb(service, dice, kills, over))

            killing = threading.Thread(target=kill)
            killing.start()
            for place, content in enumerate(contents):
                submit(service, content, f"m{place}")
                time.sleep(dice.uniform(0, 8.0))
            killing.join()
            service.wait()
            jobs = Jobs(service.store.engine)
            states = wait(service, count)
            while states["failed"]:  # units whose worker was killed twice are tried on request
                retried += jobs.retry([each.number for each in jobs.statuses(state="failed")])
                time.sleep(3)
                states = wait(service, count)
            over.set()
            units = [each for each in jobs.statuses() if each.kind == "unit"]
            histories = [
                Counter(event.state for event in Submissions(service.store.engine).history(each.id))
                for each in Submissions(service.store.engine).listed(states=["done"])
            ]
        found = snapshot(str(folder / "disturbed" / "nonsingular.sqlite"))
        if found != expected:
            raise InputError("what is stored differs from the undisturbed run")
        twice = sum(each["checking"] > 1 or each["uploading"] > 1 for each in histories)
        console.print(
            f"{dict(killed)} kills: {dict(states)}, {len(found)} results, all equal to those of "
            f"the undisturbed run; {len(units)} units, {retried} tried again on request, "
            f"{twice} submissions checked twice"
        )


if __name__ == "__main__":
    run_command(run)
