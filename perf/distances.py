"""Our minimal distances beside those of Adversarial Library's attacks.

Run ``python -m perf.distances --peer FOLDER`` from the root of a checkout, with a checkout of
https://github.com/jeromerony/adversarial-library in the folder. FMN, PDPGD, APGD in a bisection
and, for l2, DDN run on the same model and examples in the same process. Each finished row is
written immediately, and rows that are up to date are not measured again. At the end the section of
``docs/performance.md`` is written.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from pydantic import BaseModel, ConfigDict

from benchmark.attacks.inputs.distance import PRECISION, find_distances
from benchmark.spaces.inputs import NORMS
from benchmark.subject import subject_of
from perf import adversarial_library
from perf.cases import find_model
from perf.command import (
    PAGE,
    ROOT,
    Device,
    Page,
    RenderOnly,
    RowsFile,
    Shared,
    Threads,
    compute_on,
    console,
    matches,
    run_command,
    shared_folder,
)
from perf.page import line, write_section
from perf.records import Circumstances, Measurement, Records, sources_sha256, surroundings

TOOL = "distances"
MODELS = ("cifar10-resnet2b-adv", "cifar10-cnn-a-adv", "digits/cnn-pgd-at", "digits/mlp-standard")
BATCH_SIZE = 100
"""Images at once, for both sides."""


class DistanceConditions(Circumstances):
    """Circumstances of a comparison of distances.

    Attributes:
        norm: of the distances.
        peer: version of adv-lib.
    """

    norm: str
    peer: str

    @property
    def case(self) -> tuple[str | float, ...]:
        """Device, model and norm."""
        return self.device, self.model, self.norm


class Side(BaseModel):
    """One attack.

    Attributes:
        median: of its distances over the correctly classified examples.
        forwards: images passed forward.
        backwards: images passed backward.
        seconds: wall time.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    median: float
    forwards: int
    backwards: int
    seconds: float

    @property
    def passes(self) -> int:
        """Forward and backward."""
        return self.forwards + self.backwards


class DistanceRow(Measurement):
    """Ours beside the best of the peers', over the correctly classified examples.

    Attributes:
        correct: number of these examples.
        ours: our search.
        peers: by name of the attack.
        farther: number of examples on which ours is farther than the best by more than 1%.
        nearer: number of examples on which ours is nearer than the best by more than 1%.
        ratio: median of our distance over the best.
        worst: the largest such ratio.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants")

    conditions: DistanceConditions
    correct: int
    ours: Side
    peers: dict[str, Side]
    farther: int
    nearer: int
    ratio: float
    worst: float


def measure(
    name: str,
    norm: str,
    peer: str,
    records: Records[DistanceRow],
    shared: Path,
    device: str = "cpu",
    examples: int = 300,
) -> bool:
    """Measure a row and keep it, unless it was measured under the same conditions before.

    Args:
        name: of the model.
        norm: of the distances.
        peer: version of adv-lib, which is loaded.
        records: where rows are kept.
        shared: the folder with ``data``.
        device: where to compute.
        examples: use the first so many.

    Returns:
        Whether it was measured.

    Raises:
        InputError: the model or its examples are not available.
    """
    model, whole = find_model(name, shared)
    data = whole.head(min(examples, len(whole)))
    conditions = DistanceConditions(
        model=name,
        fingerprint=model.fingerprint,
        norm=norm,
        peer=peer,
        examples=len(data),
        data_sha256=data.sha256,
        sources=sources_sha256(),
        **surroundings(device),
    )
    if records.has(conditions):
        return False
    with (
        console.status(f"{name} {norm}"),
        subject_of(
            model, data.images, data.labels, device=device, batch_size=BATCH_SIZE
        ) as subject,
    ):
        attacks = adversarial_library.attacks(norm, subject.images)
        found = {
            attack: adversarial_library.run(
                run, subject.model, subject.images, subject.labels, norm, BATCH_SIZE
            )
            for attack, run in attacks.items()
        }
        start = time.perf_counter()
        with subject.cost() as cost:
            distances = find_distances(subject, norm, precision=PRECISION).distances
            spent = cost()
        seconds = time.perf_counter() - start
        correct = subject.correct()
    best = torch.stack([each.distances for each in found.values()]).amin(0)
    # Infinite on both sides is equal.
    same = distances.isinf() & best.isinf()
    ratio = torch.where(same, 1.0, distances / best)[correct]
    own: dict[str, Any] = {"forwards": spent.forwards, "backwards": spent.backwards}
    records.put(
        DistanceRow(
            conditions=conditions,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            measured=datetime.now(UTC).isoformat(timespec="seconds"),
            correct=int(correct.sum()),
            ours=Side(median=float(distances[correct].median()), seconds=seconds, **own),
            peers={
                attack: Side(
                    median=float(each.distances[correct].median()),
                    forwards=each.forwards,
                    backwards=each.backwards,
                    seconds=each.seconds,
                )
                for attack, each in found.items()
            },
            farther=int((ratio > 1.01).sum()),
            nearer=int((ratio < 0.99).sum()),
            ratio=float(ratio.median()),
            worst=float(ratio.max()),
        )
    )
    return True


def section(rows: Sequence[DistanceRow]) -> str:
    """The section of the page: the machines, and a row per model and norm."""
    if not rows:
        return "Not measured yet.\n"
    machines = sorted({_machine(row.conditions) for row in rows})
    headings = [
        "model, norm",
        "correct",
        "farther by > 1%",
        "nearer by > 1%",
        "median ratio",
        "largest",
        "our passes",
        "theirs",
        "our seconds",
        "theirs",
    ]
    lines = [*machines, "", line(headings), line(["---", *["---:"] * (len(headings) - 1)])]
    for row in sorted(rows, key=lambda each: each.conditions.case):
        theirs = row.peers.values()
        lines.append(
            line(
                [
                    f"{row.conditions.model}, {row.conditions.norm}",
                    str(row.correct),
                    f"{row.farther} ({row.farther / max(row.correct, 1):.1%})",
                    f"{row.nearer} ({row.nearer / max(row.correct, 1):.1%})",
                    f"{row.ratio:.4f}",
                    f"{row.worst:.3f}",
                    f"{row.ours.passes:,}",
                    f"{sum(each.passes for each in theirs):,}",
                    f"{row.ours.seconds:.1f}",
                    f"{sum(each.seconds for each in theirs):.1f}",
                ]
            )
        )
    return "\n".join(lines) + "\n"


def _machine(conditions: DistanceConditions) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in conditions.versions.items())
    return (
        f"{conditions.processor}, {conditions.cores} cores, {conditions.threads} threads, "
        f"{conditions.device}; {packages}; adv-lib {conditions.peer}."
    )


def run(
    peer: Annotated[
        Path | None, typer.Option(help="A checkout of Adversarial Library (adv-lib).")
    ] = None,
    shared: Shared = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only rows that match, such as 'digits/* linf'.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Names of models, in place of the usual ones.")
    ] = None,
    examples: Annotated[
        int, typer.Option(min=1, help="Use the first N examples of each model.")
    ] = 300,
    threads: Threads = None,
    device: Device = "cpu",
    out: RowsFile = ROOT / "docs/distances.jsonl",
    page: Page = PAGE,
    render: RenderOnly = False,
) -> None:
    """Measure our minimal distances beside those of adv-lib's attacks."""
    records = Records(out, DistanceRow)
    if not render:
        version = adversarial_library.load(peer)
        compute_on(device, threads)
        for name in model or MODELS:
            for norm in NORMS:
                label = f"{name} {norm}"
                if matches(label, only):
                    new = measure(
                        name, norm, version, records, shared_folder(shared), device, examples
                    )
                    console.print(f"{label}: {'measured' if new else 'kept'}")
    write_section(page, TOOL, section(records.rows))
    console.print(f"{page}: {len(records.rows)} rows")


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
