"""Shared parts of the command lines of this folder: options, messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from benchmark.arguments import device_of
from models_zoo.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/performance.md"

Shared = Annotated[
    Path | None,
    typer.Option(help="Folder with data/checkpoints; by default NONSINGULAR_SHARED, ../shared."),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="CPU threads; by default what PyTorch chooses.")
]
Device = Annotated[str, typer.Option(help="Where to compute, such as 'cpu' or 'cuda'.")]
Page = Annotated[Path, typer.Option(help="The page whose section is written.")]
RowsFile = Annotated[Path, typer.Option(help="Where rows are kept, as JSON lines.")]
RenderOnly = Annotated[
    bool, typer.Option("--render", help="Only write the section from the stored rows.")
]

console = Console(stderr=True, soft_wrap=True, highlight=False)


def shared_folder(given: Path | None) -> Path:
    """The folder with ``data``: the option, the environment variable, or next to the checkout."""
    return given or Path(os.environ.get("NONSINGULAR_SHARED") or ROOT.parent / "shared")


def matches(label: str, patterns: Sequence[str] | None) -> bool:
    """Whether a label matches a pattern, such as ``"digits/*"``; without patterns all do."""
    return any(fnmatchcase(label, pattern) for pattern in patterns or ["*"])


def compute_on(device: str, threads: int | None) -> None:
    """Check the device and set the number of threads.

    Raises:
        InputError: the device cannot be used.
    """
    device_of(device)
    torch.set_num_threads(threads or torch.get_num_threads())


def run_command(run: Callable[..., None]) -> None:
    """Run a command line; errors of the user exit with 2 and one line, interruptions with 130."""
    try:
        typer.run(run)
    except InputError as error:
        console.print(f"error: {error}", markup=False, style="red")
        sys.exit(2)
