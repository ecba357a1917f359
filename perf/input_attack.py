"""Our input attack against AutoAttack, on every available checkpoint.

Run ``python -m perf.input_attack`` from the root of a checkout. Each finished row is written
immediately: an interrupted run resumes, and rows measured with other code, versions or threads are
measured again. At the end the tables of ``docs/performance.md`` are written. ``--fresh`` adds the
models of :mod:`perf.fresh_models`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from benchmark.comparison import compare_autoattack
from models_zoo.classifier import Classifier
from models_zoo.errors import InputError
from perf.cases import Case, all_cases
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
    run_command,
    shared_folder,
)
from perf.fresh_models import fresh_cases
from perf.records import Conditions, Records, Row, sources_sha256, surroundings
from perf.table import EFFORTS, write_table


def measure(
    case: Case, records: Records[Row], device: str = "cpu", examples: int | None = None
) -> bool:
    """Measure a row and keep it, unless it was measured under the same conditions before.

    Args:
        case: the row.
        records: where rows are kept.
        device: where to compute.
        examples: use only the first so many examples.

    Returns:
        Whether it was measured.

    Raises:
        InputError: the model or its examples are not available.
    """
    model, data = case.load(), case.examples()
    data = data if examples is None else data.head(min(examples, len(data)))
    conditions = _conditions(case, model, len(data), data.sha256, device)
    if records.has(conditions):
        return False
    with console.status(case.label) as status:
        comparison = compare_autoattack(
            model,
            data.images,
            data.labels,
            norm=case.norm,
            eps=case.eps,
            efforts=EFFORTS,
            device=device,
            progress=lambda text: status.update(f"{case.label}: {text}"),
        )
    records.put(
        Row(
            conditions=conditions,
            parameters=sum(parameter.numel() for parameter in model.parameters()),
            measured=datetime.now(UTC).isoformat(timespec="seconds"),
            comparison=comparison,
        )
    )
    return True


def _conditions(
    case: Case, model: Classifier, examples: int, data_sha256: str, device: str
) -> Conditions:
    return Conditions(
        model=case.model,
        fingerprint=model.fingerprint,
        norm=case.norm,
        eps=case.eps,
        examples=examples,
        data_sha256=data_sha256,
        sources=_sources(),
        **surroundings(device),
    )


@cache
def _sources() -> str:
    """Hash of the code of this process; later edits do not count."""
    return sources_sha256()


def run(
    shared: Shared = None,
    only: Annotated[
        str, typer.Option(help="Only rows that match, such as 'digits/* linf *'.")
    ] = "*",
    slow: Annotated[
        bool, typer.Option("--slow", help="Also the large network, many minutes per row.")
    ] = False,
    fresh: Annotated[
        Path | None,
        typer.Option(help="Also the models that perf.fresh_models has trained in this folder."),
    ] = None,
    examples: Annotated[
        int | None, typer.Option(min=1, help="Use only the first N examples of each row.")
    ] = None,
    threads: Threads = None,
    device: Device = "cpu",
    out: RowsFile = ROOT / "docs/performance.jsonl",
    page: Page = PAGE,
    render: RenderOnly = False,
) -> None:
    """Measure our input attack against AutoAttack on every available checkpoint."""
    records = Records(out, Row)
    if not render:
        compute_on(device, threads)
        folder = shared_folder(shared)
        if not (folder / "data").is_dir():
            console.print(f"{folder} has no folder data: its checkpoints are skipped")
        _sources()
        cases = chain(all_cases(folder, slow=slow), fresh_cases(fresh, folder) if fresh else ())
        _measure_all(cases, only, device, examples, records)
    write_table(page, records.rows)
    console.print(f"{page}: {len(records.rows)} rows")


def _measure_all(
    cases: Iterable[Case], only: str, device: str, examples: int | None, records: Records[Row]
) -> None:
    for case in cases:
        if not fnmatchcase(case.label, only):
            continue
        try:
            new = measure(case, records, device, examples)
        except InputError as error:
            console.print(f"{case.label}: skipped, {error}")
            continue
        console.print(f"{case.label}: {'measured' if new else 'kept'}")


def main() -> None:
    """Run the command line."""
    run_command(run)


if __name__ == "__main__":
    main()
