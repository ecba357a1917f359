"""Runs the corpus through the commands and prints a table: ``python tests/hostile_files``."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

_REPOSITORY = Path(__file__).resolve().parents[2]
_TESTS = ModuleType("tests")  # a package that is installed may have the same name
_TESTS.__path__ = [str(_REPOSITORY / "tests")]
sys.path[0] = str(_REPOSITORY)
sys.modules["tests"] = _TESTS


def main() -> int:
    """Run what is asked for; the exit code is 1 where an answer is not as it should be."""
    parser = argparse.ArgumentParser(prog="python tests/hostile_files", description=__doc__)
    parser.add_argument("--flips", type=int, default=0, help="damaged files of every format")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--only", default="", help="only kinds whose name has this pattern")
    parser.add_argument("--match", default="", help="only cases with this in their name")
    parser.add_argument("--every", action="store_true", help="every file with every command")
    parser.add_argument("--part", type=int, default=1, help="one in so many cases, of every kind")
    parser.add_argument("--no-cases", action="store_true", help="damaged files alone")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--show", action="store_true", help="print every answer")
    options = parser.parse_args()

    from tests.hostile_files.case import faults
    from tests.hostile_files.cases.material import database
    from tests.hostile_files.corpus import corpus
    from tests.hostile_files.flips import flipped
    from tests.hostile_files.sandbox import answers

    database()
    cases = [] if options.no_cases else corpus(every=options.every)[:: options.part]
    cases += flipped(options.flips, options.seed)
    cases = [
        case for case in cases if re.search(options.only, case.kind) and options.match in case.name
    ]
    rows: dict[str, list[Any]] = defaultdict(lambda: [0, 0, 0.0, 0])
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        for case, answer in answers(cases, Path(scratch), options.jobs):
            found, row = faults(case, answer), rows[case.kind]
            row[0], row[1] = row[0] + 1, row[1] + (not found)
            row[2], row[3] = max(row[2], answer.seconds), max(row[3], answer.memory)
            wrong += bool(found)
            if found or options.show:
                print(f"{case.kind}: {case.name!a}: {answer.code}", *found, sep="\n    ")
            if options.show:
                print(
                    f"    {answer.seconds:.2f} s, {answer.memory >> 20} MiB: {answer.err.strip()!a}"
                )
            sys.stdout.flush()
    print(f"{'kind':<30} {'cases':>6} {'right':>6} {'slowest':>9} {'memory':>9}")
    for kind, (count, right, seconds, memory) in rows.items():
        print(f"{kind:<30} {count:>6} {right:>6} {seconds:>7.2f} s {memory / 2**20:>5.0f} MiB")
    print(f"{len(cases)} cases, {len(cases) - wrong} answered as they should be")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
