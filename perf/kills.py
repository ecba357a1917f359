"""Kills at random moments, over every process of a run: is a result lost, duplicated or different?

Run ``python -m perf.kills`` from the root of a checkout. A battery runs on a few models with two
workers, on SQLite and on PostgreSQL, on this machine's processes and on a Ray cluster of two nodes,
while processes are killed with SIGKILL and started again: workers, the command itself, a Ray node,
the database server. Each time the command has finished, everything stored is compared with what one
undisturbed process stores.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated

import psutil
import typer

from leaderboard.store import Store
from models_zoo.errors import InputError
from perf.command import ROOT, Page, console, run_command
from perf.local_servers import PostgresServer, RayNodes
from perf.page import write_section

TOOL = "kills"
MODELS = ("digits/mlp-standard", "digits/mlp-pgd-at", "digits/mlp-trades")
PROBES = ("clean", "intrinsic", "weight", "checks", "joint")
EXAMPLES = 24

MAX_PAUSE = 6.0
"""Longest time between two kills, in seconds: the command needs about four to start."""

Snapshot = dict[tuple[str, str], object]
"""Scores and outcomes by model and probe."""


class Disturbed:
    """A run of the command that is killed now and then until it has finished.

    Args:
        name: of the combination, for the report.
        database: URL or file.
        options: of the command, besides models and probes.
        victims: what may be killed, by name: a function that kills one of it and starts it again,
            and returns whether there was one.
    """

    def __init__(
        self,
        name: str,
        database: str,
        options: list[str],
        victims: dict[str, Callable[[subprocess.Popen[bytes]], bool]],
        log: Path,
    ) -> None:
        self.name, self.database, self.victims, self.log = name, database, victims, log
        self.line = [*_bench(database), *options]
        self.kills: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()

    def run(self, dice: random.Random, kills: int) -> None:
        """Start the command again and again until it ends with exit code 0.

        Args:
            dice: draws moments and victims.
            kills: at most so many.
        """
        for _ in range(kills + 50):
            with self.log.open("ab") as log:
                process = subprocess.Popen(self.line, stdout=log, stderr=log)  # noqa: S603
                while process.poll() is None:
                    end = time.monotonic() + dice.uniform(0, MAX_PAUSE)
                    while time.monotonic() < end and process.poll() is None:
                        time.sleep(0.05)
                    if process.poll() is None and self.kills.total() < kills:
                        victim = dice.choice(sorted(self.victims))
                        self.kills[victim] += self.victims[victim](process)
            self.codes[process.returncode] += 1
            if process.returncode == 0:
                return
        raise RuntimeError(f"{self.name} did not finish; see {self.log}")


def _bench(database: str) -> list[str]:
    probes = [part for probe in PROBES for part in ("--probe", probe)]
    return [
        *(sys.executable, "-m", "leaderboard.cli", "bench", *MODELS, *probes, "--examples"),
        *(str(EXAMPLES), "--no-site", "--threads", "1", "--database", database),
    ]


def kill_command(process: subprocess.Popen[bytes]) -> bool:
    """Kill the command itself."""
    process.kill()
    process.wait()
    return True


def kill_worker(process: subprocess.Popen[bytes]) -> bool:
    """Kill one of the processes that the command has started."""
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        workers = [child for child in children if "forkserver" in " ".join(child.cmdline())]
        if len(workers) > 1:  # the first is what the others are forked from
            os.kill(workers[-1].pid, signal.SIGKILL)
            return True
    return False


def kill_actor(process: subprocess.Popen[bytes]) -> bool:
    """Kill one of Ray's workers."""
    del process
    for each in psutil.process_iter(["cmdline"]):
        if any("ray::Actor" in part for part in each.info["cmdline"] or ()):
            each.kill()
            return True
    return False


def snapshot(database: str) -> Snapshot:
    """Everything that a run has stored and that must not depend on what was killed."""
    found: Snapshot = {}
    for entry in Store.open(database, to_read=True).entries():
        for name, result in entry.results.items():
            outcomes = {key: bits.tobytes() for key, bits in result.outcomes.items()}
            found[entry.provenance.fingerprint, name] = (result.scores, outcomes)
    return found


def run(
    kills: Annotated[int, typer.Option(min=1, help="Number of kills, over all.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the moments and victims.")] = 0,
    ray: Annotated[bool, typer.Option(help="Also on a Ray cluster of two nodes.")] = True,
    postgresql: Annotated[bool, typer.Option(help="Also on a PostgreSQL server.")] = True,
    page: Page = ROOT / "docs/scaling.md",
) -> None:
    """Kill processes of runs at random moments, and compare what is stored."""
    dice, total, rounds = random.Random(seed), Counter[str](), 0  # noqa: S311 - no secrets
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp") as name, ExitStack() as stack:
        folder = Path(name)
        reference = str(folder / "reference.sqlite")
        line = [*_bench(reference), "--workers", "1"]
        subprocess.run(line, check=True, capture_output=True)  # noqa: S603
        expected = snapshot(reference)
        server = stack.enter_context(PostgresServer(folder / "pg")) if postgresql else None
        nodes = stack.enter_context(RayNodes(folder / "ray")) if ray else None
        while total.total() < kills:
            rounds += 1
            for each in _combinations(folder, rounds, server, nodes):
                each.run(dice, min(kills - total.total(), 8))
                if snapshot(each.database) != expected:
                    raise RuntimeError(f"{each.name}: what is stored differs; see {each.database}")
                total += each.kills
                console.print(
                    f"round {rounds}, {each.name}: {dict(each.kills)}, exit codes "
                    f"{dict(each.codes)}; {len(expected)} results, all the same"
                )
                if total.total() >= kills:
                    break
    text = (
        f"{total.total()} kills ({', '.join(f'{n} {what}' for what, n in total.items())}) in "
        f"{rounds} rounds and {time.monotonic() - start:.0f} s: no result was lost, duplicated or "
        "different"
    )
    console.print(text)
    write_section(
        page,
        TOOL,
        f"{text}. Three digits models and {len(PROBES)} probes with two workers, on SQLite, on "
        "PostgreSQL and on a Ray cluster of two nodes, each compared with one undisturbed process "
        f"(`python -m perf.kills --kills {kills}`).\n",
    )


def _combinations(
    folder: Path, number: int, server: PostgresServer | None, nodes: RayNodes | None
) -> list[Disturbed]:
    log = folder / "log.txt"
    local = {"worker": kill_worker, "command": kill_command}
    found = [
        Disturbed(
            "processes on SQLite",
            str(folder / f"{number}.sqlite"),
            ["--workers", "2"],
            dict(local),
            log,
        )
    ]
    if server is not None:
        found.append(
            Disturbed(
                "processes on PostgreSQL",
                server.create(f"local{number}"),
                ["--workers", "2"],
                local | {"server": lambda _: server.kill_and_start()},
                log,
            )
        )
    if nodes is not None:
        victims = {
            "Ray worker": kill_actor,
            "command": kill_command,
            "Ray node": lambda _: nodes.kill_and_start(),
        }
        database = str(folder / f"ray{number}.sqlite")
        if server is not None:
            victims["server"] = lambda _: server.kill_and_start()
            database = server.create(f"ray{number}")
        options = ["--executor", "ray", "--address", nodes.address, "--workers", "2"]
        found.append(Disturbed("Ray", database, options, victims, log))
    if not found:
        raise InputError("nothing to run")
    return found


if __name__ == "__main__":
    run_command(run)
