"""Reads damaged inputs for a stated time: ``python tests/fuzzing --seconds 600``.

Sound inputs of each kind are changed at random, their structure mostly kept, and read. A reader may
take them, or refuse them in one line; everything else is written to ``--crashes`` and listed. With
``--coverage`` the inputs of each kind evolve by the branches that they reach (needs atheris).
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from types import ModuleType

os.environ.setdefault("OMP_NUM_THREADS", "1")

_REPOSITORY = Path(__file__).resolve().parents[2]
_TESTS = ModuleType("tests")  # a package that is installed may have the same name
_TESTS.__path__ = [str(_REPOSITORY / "tests")]
sys.path[0] = str(_REPOSITORY)
sys.modules["tests"] = _TESTS


def main() -> int:
    """Fuzz; the exit code is 1 where something but an answer came out."""
    parser = argparse.ArgumentParser(prog="python tests/fuzzing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="processor time, over all kinds")
    parser.add_argument("--only", default="", help="one kind of input")
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--crashes", type=Path, default=Path("crashes"), help="where to keep them")
    parser.add_argument("--coverage", action="store_true", help="evolve inputs; needs --only")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()  # the parser of forms tells every refusal
    if options.coverage:
        return _evolve(options.only, options.seconds, options.seed)

    from tests.fuzzing.targets import targets

    chosen = [each for each in targets() if options.only in ("", each.name)]
    places: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name:
        for target in chosen:
            seeds, taken, count = target.seeds(), 0, 0
            start, slowest = time.process_time(), 0.0
            while time.process_time() - start < options.seconds / len(chosen):
                draw = random.Random(f"{target.name} {options.seed} {count}")  # noqa: S311
                content = target.mutate(draw.choice(seeds), draw)
                before = time.process_time()
                try:
                    taken += target.run(content, Path(name))
                except Exception as error:
                    where = f"{target.name}: {_place(error)}"
                    if where not in places:
                        places[where] = f"{type(error).__name__}: {error!s:.300}"
                        options.crashes.mkdir(exist_ok=True)
                        kept = options.crashes / f"{target.name}-{len(places)}"
                        kept.write_bytes(content)
                        print(f"{kept}: {where}: {places[where]!a}", flush=True)
                slowest = max(slowest, time.process_time() - before)
                count += 1
            print(
                f"{target.name:<18} {count:>8} inputs, {taken:>7} taken, "
                f"{time.process_time() - start:>6.0f} s of CPU, slowest {slowest:.2f} s",
                flush=True,
            )
    print(f"{len(places)} kinds of crashes")
    return int(bool(places))


def _place(error: BaseException) -> str:
    """The last line of our own code that an error went through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [each for each in frames if str(_REPOSITORY) in each.filename] or frames
    return f"{Path(own[-1].filename).name}:{own[-1].lineno} {type(error).__name__}"


def _evolve(name: str, seconds: float, seed: int) -> int:
    """Evolve inputs of one kind with libFuzzer; ends the process."""
    import atheris  # type: ignore[import-untyped]  # optional, and not for every system

    with atheris.instrument_imports(include=["models_zoo", "benchmark", "leaderboard"]):
        from tests.fuzzing.targets import targets

        (target,) = [each for each in targets() if each.name == name]
        target.run(target.seeds()[0], Path(tempfile.mkdtemp()))  # imports what it needs

    folder = Path(tempfile.mkdtemp())
    corpus = folder / "corpus"
    corpus.mkdir()
    for place, content in enumerate(target.seeds()):
        (corpus / str(place)).write_bytes(content)

    def one(data: bytes) -> None:
        target.run(data, folder)

    def mutated(data: bytes, most: int, number: int) -> bytes:
        draw = random.Random(number)  # noqa: S311 - no secrets
        try:
            return target.mutate(data or target.seeds()[0], draw)[:most]
        except Exception:  # what has evolved is not of the form any more
            return bytes(atheris.Mutate(data, most))

    arguments = [name, f"-max_total_time={seconds:.0f}", f"-seed={seed + 1}", "-max_len=400000"]
    atheris.Setup([*arguments, "-rss_limit_mb=6000", str(corpus)], one, custom_mutator=mutated)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
