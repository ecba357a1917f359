"""One hostile, damaged or odd thing that a user may hand to a command, and what is right then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Arguments = Sequence[object]
Builder = Callable[[Path], Arguments]


@dataclass(frozen=True)
class Case:
    """A command and the folder that it runs in.

    Args:
        kind: row of the table that it is counted in.
        name: unique within its kind.
        build: fills the working folder, and answers with the command's arguments.
        codes: exit codes that are right.
        text: what has to be in the output.
        environment: variables of the environment.
        encoding: of the terminal.
        closed: whether nobody reads stdout.
        run: in place of the command line; answers with an exit code.
    """

    kind: str
    name: str
    build: Builder
    codes: tuple[int, ...] = (2,)
    text: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    closed: bool = False
    run: Callable[[Sequence[str]], int] | None = None


@dataclass(frozen=True)
class Answer:
    """What a case did.

    Args:
        code: its exit code; ``None`` where it was killed.
        out: stdout.
        err: stderr.
        changes: files of the sandbox that came, went or changed, relative to it.
        deeds: what it did that no command may do, such as starting a program.
        seconds: CPU time.
        memory: its largest resident set, in bytes.
        signal: what killed it.
    """

    code: int | None
    out: str = ""
    err: str = ""
    changes: Sequence[str] = ()
    deeds: Sequence[str] = ()
    seconds: float = 0.0
    memory: int = 0
    signal: int = 0


OF_LIBRARIES = ("home/.cache", "home/.cache/gdown")
"""Folders that a library makes when it is imported: gdown, which robustbench imports."""

WITNESSES = ("ran", "executed", "witness-of-code-that-ran")
"""Names of files that the code of hostile cases would make."""

SECONDS = 10
"""CPU time to refuse something."""

MEMORY = 2 << 30
"""Bytes that a case may hold, PyTorch and all libraries included."""

LONGEST = 2100
"""Characters of a line of an error."""


def faults(case: Case, answer: Answer) -> list[str]:
    """What is wrong with an answer, each in a line; nothing where it is as it should be."""
    found = list(answer.deeds)
    if answer.code is None:
        return [*found, f"killed by signal {answer.signal}"]
    text = answer.out + answer.err
    if answer.code not in case.codes:
        found.append(f"exit code {answer.code}: {text[-600:].strip()!r}")
    found += [f"{word!r} is printed" for word in ("Traceback", "a fault of") if word in text]
    if case.text not in text:
        found.append(f"{case.text!r} is not in {text[-600:]!r}")
    odd = {each for each in text if not each.isprintable() and each != "\n"}
    if odd:
        found.append(f"characters that do not print: {sorted(odd)[:5]!r}")
    if answer.code == 2:
        found += _of_refusal(answer)
    elif foreign := [
        name for name in answer.changes if not name.startswith("work/") and name not in OF_LIBRARIES
    ]:
        found.append(f"written elsewhere: {foreign[:5]}")
    if ran := [name for name in answer.changes if name.rpartition("/")[2] in WITNESSES]:
        found.append(f"code was executed: {ran}")
    if answer.memory > MEMORY:
        found.append(f"{answer.memory / 2**30:.1f} GiB of memory")
    return found


def _of_refusal(answer: Answer) -> list[str]:
    found = []
    lines = answer.err.strip().splitlines()
    if not answer.err.startswith("Usage:"):  # of an option that does not exist, or is no number
        errors = [line for line in lines if line.startswith("error: ")]
        if len(errors) != 1 or lines[-1] != errors[0] or len(lines) > 5:
            found.append(f"not one line: {answer.err[-600:]!r}")
    if any(len(line) > LONGEST for line in lines):
        found.append(f"a line of {max(map(len, lines))} characters")
    if answer.changes:
        found.append(f"refused, and changed {list(answer.changes)[:5]}")
    if answer.seconds > SECONDS:
        found.append(f"{answer.seconds:.1f} s to refuse")
    return found
