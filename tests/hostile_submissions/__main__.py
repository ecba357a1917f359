"""Sends the corpus to a service with the sandbox and prints a table.

``python tests/hostile_submissions`` starts ``nonsingular serve``, sends every entry and looks after
each whether the service answers; at the end an honest model has to be scored. With ``--write
FOLDER`` the files are written there instead, with a list of what is expected of each.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from types import ModuleType

os.environ.setdefault("OMP_NUM_THREADS", "1")

_REPOSITORY = Path(__file__).resolve().parents[2]
_TESTS = ModuleType("tests")  # a package that is installed may have the same name
_TESTS.__path__ = [str(_REPOSITORY / "tests")]
sys.path[0] = str(_REPOSITORY)
sys.modules["tests"] = _TESTS


def main() -> int:
    """Do what is asked for; the exit code is 1 where an answer is not as it should be."""
    parser = argparse.ArgumentParser(prog="python tests/hostile_submissions", description=__doc__)
    parser.add_argument("--write", type=Path, help="write the files into a folder, send nothing")
    parser.add_argument("--damaged", type=int, default=5, help="damaged files of every format")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--only", default="", help="only entries whose title has this pattern")
    parser.add_argument("--show", action="store_true", help="print every answer")
    options = parser.parse_args()

    from tests.hostile_submissions.corpus import corpus

    entries = [
        each
        for each in corpus(options.damaged, options.seed)
        if re.search(options.only, each.title)
    ]
    if options.write is not None:
        return _write(entries, options.write)
    return _send(entries, show=options.show)


def _write(entries, folder: Path) -> int:
    """Write the files, and ``list.json`` with their descriptions and what is expected."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = []
    for place, entry in enumerate(entries):
        entry.write(folder / f"{place:04}")
        listed.append(
            {
                "file": f"{place:04}",
                "title": entry.title,
                "file_name": entry.file_name,
                "description": dict(entry.said),
                "expected": sorted(entry.expected),
                "accepted": entry.accepted,
            }
        )
    (folder / "list.json").write_text(json.dumps(listed, indent=1), "utf-8")
    print(f"{len(entries)} files in {folder}")
    return 0


def _send(entries, *, show: bool) -> int:
    """Send the entries to a service, and print what was wrong and a table."""
    from tests.hostile_submissions.entry import WITNESS
    from tests.hostile_submissions.folders import listing
    from tests.hostile_submissions.machine import Machine
    from tests.hostile_submissions.sending import faults, send

    rows: dict[str, list[float]] = defaultdict(lambda: [0, 0, 0.0, 0])
    wrong, start = [], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hostile") as name, Machine(Path(name)) as machine:
        before = machine.honest("before")
        there = listing(machine.folder)
        private = (str(machine.folder), machine.canary, machine.service.token)
        for entry in entries:
            path = Path(name) / "file"
            entry.write(path)
            machine.memory.start()
            answer = send(machine.ask, entry, path)
            peak = machine.memory.stop()
            path.unlink()
            found = faults(entry, answer, private)
            if not machine.healthy():
                found.append("the service does not answer")
            if peak > 2 << 30:
                found.append(f"{peak / 2**30:.1f} GiB of memory")
            row = rows[entry.kind.partition(":")[0]]
            row[0], row[1] = row[0] + 1, row[1] + (not found)
            row[2], row[3] = max(row[2], answer.seconds), max(row[3], peak)
            wrong += found
            if found or show:
                print(f"{entry.title!a}:", *found, sep="\n    ")
            if show:
                print(
                    f"    {answer.state} {sorted(answer.ids)} {answer.texts!a:.200} "
                    f"{answer.seconds:.2f} s {peak >> 20:.0f} MiB"
                )
            sys.stdout.flush()
        machine.finish()
        new = [each for each in listing(machine.folder) if each not in there]
        left = [each for each in new if not each.startswith(machine.may_change)]
        witnesses = [each for each in new if WITNESS in each] + machine.witnesses(WITNESS)
        wrong += [f"written outside of the quarantine: {left}"] if left else []
        wrong += [f"code was executed: {witnesses}"] if witnesses else []
        after = machine.honest("after")
        wrong += [] if before == after == "done" else [f"honest models: {before}, {after}"]
    print(f"{'kind':<26} {'entries':>7} {'right':>6} {'slowest':>9} {'memory':>9}")
    for kind, (count, right, seconds, memory) in rows.items():
        print(
            f"{kind:<26} {count:>7.0f} {right:>6.0f} {seconds:>7.1f} s {memory / 2**20:>5.0f} MiB"
        )
    count = sum(row[0] for row in rows.values())
    print(
        f"{count:.0f} entries in {time.monotonic() - start:.0f} s at level {machine.level}; honest "
        f"models before and after: {before}, {after}; {len(wrong)} things wrong"
    )
    print(*wrong, sep="\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
