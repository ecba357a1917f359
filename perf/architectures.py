"""Which weights of a hundred architectures are under attack, and whether each can be scored.

Run ``python -m perf.architectures`` from the root of a checkout. It writes the table of
``docs/weights_under_attack.md``; what was measured before is kept unless ``--again`` is given.
"""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import torch
import typer
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from benchmark.attacks.weights import search_weights, weight_ball
from benchmark.budgets import Budget
from benchmark.measures.flatness import average_flatness, worst_flatness
from benchmark.measures.robust_loss import RobustLoss
from benchmark.probes.bits import BitsProbe, BitsSettings
from benchmark.probes.clean import CleanProbe
from benchmark.requirements import require_weights_under_attack
from benchmark.roles import Coverage
from benchmark.subject import Subject, subject_of
from benchmark.threats import WeightThreat
from models_zoo.checkpoint.writing import write_bytes
from models_zoo.errors import InputError
from perf.architecture_cases import CASES, build
from perf.command import ROOT, Page, RenderOnly, RowsFile, Threads, compute_on, console, run_command
from perf.page import line, write_section

TOOL = "architectures"
RULE = "no-normalization"
EXAMPLES = 2
RADIUS = 0.01
EPS = 1 / 255


class ArchitectureRow(BaseModel):
    """The results for one architecture.

    Attributes:
        architecture: one of :data:`perf.architecture_cases.CASES`.
        side: of its images, pixels.
        parameters: numbers in its parameters.
        feeding: numbers that feed its linear maps.
        reached: how many of them are under attack with the rule ``no-normalization``.
        moved: tensors that move, buffers among them.
        buffers: how many of these are buffers.
        normalization: tensors that are not moved because they belong to normalizations.
        answer: ``"scored"``, or the line it was refused with.
        seconds: wall time of tracing and scoring.
        measured: UTC time, ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    side: int
    parameters: int
    feeding: int | None
    reached: int | None
    moved: int
    buffers: int
    normalization: int
    answer: str
    seconds: float
    measured: str


def measure(case: str) -> ArchitectureRow:
    """Trace one architecture, and score it with every probe that moves weights.

    Args:
        case: one of :data:`perf.architecture_cases.CASES`.
    """
    torch.manual_seed(0)
    model, side = build(case)
    return look(case, model.eval(), torch.rand(EXAMPLES, 3, side, side))


def measure_within(case: str, limit: float) -> ArchitectureRow | None:
    """As :func:`measure`, in a separate process; None if it takes longer or dies.

    Args:
        case: one of :data:`perf.architecture_cases.CASES`.
        limit: seconds.
    """
    # A fork has already imported everything, and returns all of its memory.
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[ArchitectureRow] = context.Queue()
    worker = context.Process(target=lambda: answers.put(measure(case)), daemon=True)
    worker.start()
    deadline = time.monotonic() + limit
    try:
        while time.monotonic() < deadline:
            try:
                return answers.get(timeout=0.5)
            except queue.Empty:
                if not worker.is_alive():
                    return None
        return None
    finally:
        worker.kill()
        worker.join()


def look(name: str, model: nn.Module, images: Tensor) -> ArchitectureRow:
    """As :func:`measure`, for any network.

    Args:
        name: its name in the table.
        model: from images to logits.
        images: (N, 3, H, W).
    """
    start = time.perf_counter()
    with torch.no_grad():
        labels = model(images).argmax(1)
    parameters = dict(model.named_parameters())
    known: Coverage | None = None
    chosen: Mapping[str, Tensor] = {}
    try:
        with subject_of(model, images, labels) as subject:
            found, chosen = subject.coverage(RULE), subject.weights_that_move(RULE)
            known = found if isinstance(found, Coverage) else None
            score(subject)
        answer = "scored"
    except InputError as error:
        answer = str(error)
    return ArchitectureRow(
        architecture=name,
        side=images.shape[-1],
        parameters=sum(each.numel() for each in parameters.values()),
        feeding=known and known.numbers,
        reached=known and known.reached,
        moved=len(chosen),
        buffers=len(chosen.keys() - parameters.keys()),
        normalization=len(parameters.keys() - chosen.keys()),
        answer=answer,
        seconds=time.perf_counter() - start,
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def score(subject: Subject) -> None:
    """Run ``clean``, ``weight``, ``bits`` and ``flatness`` with minimal effort.

    Raises:
        InputError: the model is refused.
    """
    CleanProbe(CleanProbe.Settings())(subject)
    require_weights_under_attack(subject, RULE)
    threat = WeightThreat("relative-l2", Budget(RADIUS), RULE)
    search_weights(subject, [threat], 1)
    bits = BitsSettings(
        rates=(Budget(0.01),), patterns=2, flips=1, headline_flips=1, draws=2, top=1
    )
    BitsProbe(bits)(subject)
    ball, loss = weight_ball(subject, threat), RobustLoss(EPS, steps=1)
    average_flatness(subject, [loss], ball, draws=2)
    worst_flatness(subject, loss, [ball], restarts=1, epochs=1)


def render(rows: Sequence[ArchitectureRow]) -> str:
    """The table, in Markdown."""
    scored = sum(row.answer == "scored" for row in rows)
    full = sum(row.reached == row.feeding for row in rows)
    head = (
        *("architecture", "side", "parameters", "feed linear maps", "under attack"),
        *("perturbed tensors", "normalization", "answer", "seconds"),
    )
    return "\n".join(
        [
            f"### What moves in {len(rows)} architectures with random weights",
            "",
            f"{scored} are scored, {len(rows) - scored} refused; in {full}, all numbers that feed "
            "linear maps are under attack.",
            "",
            line(head),
            line(["---"] * len(head)),
            *(line(_cells(row)) for row in sorted(rows, key=lambda row: row.architecture)),
            "",
        ]
    )


def _cells(row: ArchitectureRow) -> list[str]:
    share = "unknown"
    if row.feeding is not None and row.reached is not None and row.feeding > 0:
        share = "100%" if row.reached == row.feeding else f"{row.reached / row.feeding:.2%}"
    buffers = f" ({row.buffers} buffers)" if row.buffers else ""
    return [
        row.architecture,
        str(row.side),
        f"{row.parameters:,}",
        "unknown" if row.feeding is None else f"{row.feeding:,}",
        share,
        f"{row.moved}{buffers}",
        str(row.normalization),
        row.answer.replace("|", "\\|"),
        f"{row.seconds:.1f}",
    ]


def read_rows(path: Path) -> dict[str, ArchitectureRow]:
    """The rows of a file of JSON lines, by architecture; none where there is no file."""
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    rows = [ArchitectureRow.model_validate_json(each) for each in lines]
    return {row.architecture: row for row in rows}


def run(
    cases: Annotated[
        list[str] | None, typer.Argument(help="Architectures to measure; by default all.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Repeat measurements that exist.")] = False,
    limit: Annotated[
        float, typer.Option(min=1, help="Time limit per architecture, in seconds.")
    ] = 90,
    threads: Threads = None,
    out: RowsFile = ROOT / "docs/weights_under_attack.jsonl",
    page: Page = ROOT / "docs/weights_under_attack.md",
    render_only: RenderOnly = False,
) -> None:
    """Measure a hundred architectures, and write the table of what moves."""
    compute_on("cpu", threads)
    rows = read_rows(out)
    for case in [] if render_only else cases or CASES:
        if case in rows and not again:
            continue
        found = measure_within(case, limit)
        if found is None:
            console.print(f"{case}: left out, not measured within {limit:g} s", markup=False)
            continue
        rows[case] = found
        console.print(f"{case}: {line(_cells(found)[2:])}", markup=False)
        text = "".join(rows[name].model_dump_json() + "\n" for name in sorted(rows))
        write_bytes(out, text.encode())
        write_section(page, TOOL, render(list(rows.values())))
    write_section(page, TOOL, render(list(rows.values())))


if __name__ == "__main__":
    run_command(run)
